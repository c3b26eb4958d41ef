"""The state of a run as plain arrays, and the way from there to a model and back.

`Anatomy` takes an `nnx.Module` apart once; what changes while training is a `TrainState` of
nested dictionaries of arrays, which can be donated, carried through a compiled loop and saved.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

PyTree = Any


class TrainState(NamedTuple):
    """Everything that a step changes; with a leading axis S where S seeds are trained together.

    No random key is here: the key of a step follows from the seed and the step.
    """

    step: jax.Array  # int32[]: steps done
    params: PyTree  # what the gradient is taken of
    other: PyTree  # the model's further variables, such as running averages
    opt_state: PyTree  # optax's
    sums: dict[str, jax.Array]  # float32[] each: loss, gradient norm, metrics over this epoch
    bad_step: jax.Array  # int32[]: the first step with a loss or gradient not finite, else -1


@dataclasses.dataclass(frozen=True)
class Anatomy:
    """The parts that training does not change: the structure of the model, and its constants.

    Attributes:
      graph: the static structure.
      params: the parameters as `nnx.State`: names, types and initial values.
      other: the further variables, likewise.
      rngs: the model's random streams; a training step replaces their keys by its own.
      constants: arrays of the model that are not variables, such as those of a compiled problem.
    """

    graph: Any
    params: nnx.State
    other: nnx.State
    rngs: nnx.State
    constants: nnx.State

    @classmethod
    def of(cls, model: nnx.Module) -> "Anatomy":
        """Takes `model` apart."""
        graph, params, rngs, other, constants = _parts(model)
        return cls(graph, params, other, rngs, constants)

    def initial(self) -> tuple[PyTree, PyTree]:
        """Initial `params` and `other` as dictionaries of fresh arrays, safe to donate."""
        params = nnx.to_pure_dict(self.params)
        return _copied(params), _copied(nnx.to_pure_dict(self.other))

    def build(
        self,
        params: PyTree,
        other: PyTree,
        *,
        constants: PyTree | None = None,
        key: jax.Array | None = None,
        training: bool = False,
    ) -> nnx.Module:
        """A model with the given arrays, in training or evaluation mode.

        Args:
          params: dictionary of arrays, as in `TrainState`.
          other: likewise.
          constants: the constants as traced arguments, so that they are not baked into a program.
          key: reseeds the model's random streams; None leaves them as they were initialised.
          training: the mode of layers such as dropout.

        Returns:
          The model; changing it changes nothing here.
        """
        model = nnx.merge(
            self.graph,
            _filled(self.params, params),
            self.rngs if key is None else _reseeded(self.rngs, key),
            _filled(self.other, other),
            self.constants if constants is None else constants,
        )
        if training:
            model.train()
        else:
            model.eval()
        return model

    def other_of(self, model: nnx.Module) -> PyTree:
        """The further variables of a model that `build` made and a forward pass changed."""
        return nnx.to_pure_dict(_parts(model)[3])


def named_leaves(tree: PyTree) -> dict[str, Any]:
    """The leaves of a tree by name, in its order.

    >>> sorted(named_leaves({"dense": {"bias": 1, "kernel": 2}}))
    ['dense.bias', 'dense.kernel']
    """
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def fill(template: PyTree, saved: dict[str, np.ndarray]) -> PyTree:
    """The saved arrays in the structure of `template`.

    Args:
      template: a tree of arrays.
      saved: arrays by name; what the template lacks is left out.

    Returns:
      A tree of device arrays like the template.

    Raises:
      ValueError: an array is missing or has another shape; all of them are named.
    """
    wanted = named_leaves(template)
    faults = []
    for name, leaf in wanted.items():
        if name not in saved:
            faults.append(f"{name} {tuple(leaf.shape)} is missing")
        elif tuple(saved[name].shape) != tuple(leaf.shape):
            faults.append(f"{name} is {tuple(saved[name].shape)} there, {tuple(leaf.shape)} here")
    if faults:
        raise ValueError("the saved arrays do not fit this model: " + "; ".join(faults))
    # Copied by NumPy: each shape that JAX copies is a program that it compiles.
    leaves = [jax.device_put(np.array(saved[name], leaf.dtype)) for name, leaf in wanted.items()]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)


def seed_of(tree: PyTree, index: int) -> PyTree:
    """The arrays of one seed out of arrays with a leading axis of seeds."""
    return jax.tree.map(lambda leaf: leaf[index], tree)


def stack_seeds(trees: Sequence[PyTree]) -> PyTree:
    """The arrays of several seeds with a leading axis of seeds."""
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def _parts(model: nnx.Module) -> tuple[Any, ...]:
    return nnx.split(model, nnx.Param, nnx.RngState, nnx.Variable, ...)


@jax.jit
def _copied(tree: PyTree) -> PyTree:
    # A task may hold on to the arrays that its model was made of; donating those would delete
    # them under its hands.
    return jax.tree.map(jnp.copy, tree)


def _filled(template: nnx.State, values: PyTree) -> nnx.State:
    state = jax.tree.map(lambda leaf: leaf, template)
    nnx.replace_by_pure_dict(state, values)
    return state


def _reseeded(rngs: nnx.State, key: jax.Array) -> nnx.State:
    leaves, structure = jax.tree.flatten(rngs)
    fresh = []
    for index, leaf in enumerate(leaves):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            stream = jax.random.fold_in(key, index)
            leaf = jax.random.split(stream, leaf.shape) if leaf.shape else stream
        fresh.append(leaf)
    return jax.tree.unflatten(structure, fresh)
