"""Where a run computes: one mesh with named axes, over the devices of one host or of several.

The program of a step is written for one device. Under a mesh its batch of examples is cut along
the axis "data" and its seeds along "seeds"; everything else is the same on every device, unless
rules say how parameters are cut. The compiler finds what must be communicated (computation follows
sharding, https://docs.jax.dev/en/latest/sharded-computation.html), for encoders, propagation and
the soft engine alike.

Among several processes, the first process owns the files of a run. It tells the others whatever
only one of them can know: the clock, a signal, a checkpoint.
"""

import dataclasses
import json
import math
import re
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from neurosym.training.state import named_leaves

PyTree = Any

# A pattern that is searched in the names of parameters, and a mesh axis or None for each axis.
ShardingRules = Sequence[tuple[str, Sequence[str | None]]]


@dataclasses.dataclass(frozen=True)
class Devices:
    """The mesh of a run; one without a mesh is JAX's default device, with nothing to cut.

    Attributes:
      mesh: with the axes "seeds" and "data", or None.
      rules: how parameters, and what the optimiser keeps of each, are cut: the first rule whose
        pattern is found in a name decides. An axis that the devices do not divide stays whole.
    """

    mesh: Mesh | None = None
    rules: ShardingRules = ()

    @classmethod
    def of(
        cls, count: int | None = None, *, seeds: int = 1, rules: ShardingRules = ()
    ) -> "Devices":
        """The mesh over `count` devices of this host, or over all devices of all hosts.

        Args:
          count: devices of this host; None takes one, or all of all hosts where there are several.
          seeds: how many seeds are trained together: as many groups of devices as divide both
            take a share of the seeds each, and cut batches among their own devices.
          rules: see `Devices`.

        Raises:
          ValueError: there are not so many devices, or several hosts are to give only some.
        """
        if jax.process_count() > 1:
            if count not in (None, jax.local_device_count()):
                raise ValueError(
                    f"with several processes all devices are used: {jax.local_device_count()} of "
                    f"each process here, {jax.device_count()} in all; leave out --devices"
                )
            chosen = jax.devices()
        elif count in (None, 1) and not rules:
            return cls()
        else:
            chosen = jax.devices()[: _available(count or 1)]
        groups = math.gcd(len(chosen), seeds)
        grid = np.asarray(chosen).reshape(groups, len(chosen) // groups)
        return cls(Mesh(grid, ("seeds", "data"), axis_types=(AxisType.Auto, AxisType.Auto)), rules)

    @property
    def count(self) -> int:
        """Devices in the mesh."""
        return 1 if self.mesh is None else self.mesh.size

    @property
    def parts(self) -> int:
        """Parts into which a batch is cut."""
        return 1 if self.mesh is None else self.mesh.shape["data"]

    @property
    def first(self) -> bool:
        """Whether this process owns the files of the run."""
        return jax.process_index() == 0

    def put(self, tree: PyTree) -> PyTree:
        """The arrays of `tree`, whole on every device; every process gives the same."""
        if self.mesh is None:
            return jax.device_put(tree)
        whole = NamedSharding(self.mesh, PartitionSpec())
        return jax.tree.map(lambda leaf: self._placed(leaf, whole), tree)

    def put_state(self, state: PyTree, *, stacked: bool) -> PyTree:
        """The arrays of a training state, by the rules; see `state_shardings`."""
        if self.mesh is None:
            return state
        shardings = self.state_shardings(state, stacked=stacked)
        return jax.tree.map(self._placed, state, shardings)

    def state_shardings(self, state: PyTree, *, stacked: bool) -> PyTree:
        """How each array of a training state lies on the mesh, in the structure of `state`.

        Args:
          state: arrays, or their shapes.
          stacked: whether each array has a leading axis of seeds.

        Returns:
          None where there is no mesh.
        """
        if self.mesh is None:
            return None
        names = named_leaves(state)
        shardings = [
            NamedSharding(self.mesh, PartitionSpec(*self._axes(name, leaf.shape, stacked)))
            for name, leaf in names.items()
        ]
        return jax.tree.unflatten(jax.tree.structure(state), shardings)

    def cut(self, indices: jax.Array, *, stacked: bool) -> jax.Array:
        """Indices of examples, int32[B] or [S, B], cut along "data" (and "seeds")."""
        if self.mesh is None:
            return indices
        spec = PartitionSpec("seeds", "data") if stacked else PartitionSpec("data")
        return jax.lax.with_sharding_constraint(indices, NamedSharding(self.mesh, spec))

    def fetch(self, tree: PyTree) -> PyTree:
        """The arrays of `tree` on the host, whole in every process."""
        if self.mesh is None or jax.process_count() == 1:
            return jax.device_get(tree)
        return jax.tree.map(self._fetched, tree)

    def agree(self, *numbers: int) -> tuple[int, ...]:
        """The largest that any process gives, for each number."""
        if jax.process_count() == 1:
            return numbers
        everyone = multihost_utils.process_allgather(np.asarray(numbers, np.int32))
        return tuple(int(number) for number in np.asarray(everyone).max(axis=0))

    def tell(self, value: Any) -> Any:
        """What the first process gives, as JSON; nobody looks at the values of the others."""
        if jax.process_count() == 1:
            return value
        text = json.dumps(value).encode() if self.first else b""
        (length,) = self.agree(len(text))
        buffer = np.zeros(length, np.uint8)
        buffer[: len(text)] = np.frombuffer(text, np.uint8)
        return json.loads(bytes(np.asarray(multihost_utils.broadcast_one_to_all(buffer))))

    def tell_arrays(self, tree: PyTree) -> PyTree:
        """The arrays of the first process, in a tree of one structure and shapes in all."""
        if jax.process_count() == 1:
            return tree
        return multihost_utils.broadcast_one_to_all(tree)

    def _placed(self, leaf: Any, sharding: NamedSharding) -> jax.Array:
        if jax.process_count() == 1:
            return jax.device_put(leaf, sharding)
        if isinstance(leaf, jax.Array) and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = self._placed(jax.random.key_data(leaf), sharding)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        host = np.asarray(leaf)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    def _fetched(self, leaf: jax.Array) -> np.ndarray:
        if not leaf.is_fully_addressable and not leaf.is_fully_replicated:
            leaf = multihost_utils.process_allgather(leaf, tiled=True)
        return np.asarray(leaf)

    def _axes(self, name: str, shape: tuple[int, ...], stacked: bool) -> list[str | None]:
        """The mesh axis of each axis of an array of a training state."""
        lead: list[str | None] = ["seeds"] if stacked else []
        inner = shape[len(lead) :]
        for pattern, axes in self.rules:
            if len(axes) == len(inner) and re.search(pattern, name):
                return lead + [self._dividing(a, n) for a, n in zip(axes, inner, strict=True)]
        return lead

    def _dividing(self, axis: str | None, size: int) -> str | None:
        assert self.mesh is not None
        return axis if axis is not None and size % self.mesh.shape[axis] == 0 else None


def _available(count: int) -> int:
    if count < 1:
        raise ValueError(f"the number of devices must be at least 1, got {count}")
    here = jax.devices()
    if count > len(here):
        kind = here[0].platform
        hint = (
            f"; XLA_FLAGS=--xla_force_host_platform_device_count={count} makes so many of the CPU"
            if kind == "cpu"
            else ""
        )
        raise ValueError(f"--devices={count}, but this host has {len(here)} ({kind}){hint}")
    return count
