"""The compiled part of training: one step, and a run of steps within an epoch.

An epoch is a permutation of the examples, cut into batches; a step gathers its batch by index on
the device. The number of steps that a call makes is an argument of the compiled program, not part
of it: whatever way an epoch is cut into calls, the same machine code runs, so that a run resumed
from the middle of an epoch ends with the same bits as one that never stopped.

Steps run in a loop inside the program ("scan") or are called one at a time ("step"). On two CPU
cores LeNet's forward and backward pass took 4.7 ms in a scan and 5.8 ms called one by one
(`neurosym bench encoder`), so "scan" is the default; a model with a stock `lax.conv` took about 1.6
times as long in a scan as in a bare step (`neurosym bench training_loop`), so it wants "step" on
CPU. For a 784-256-256-10 perceptron, the faster way was not the same in different runs on busy
cores.

Several seeds of one run are a leading axis S of everything that a step changes: the step is
vmapped, and one program trains them all. On several devices the indices of a batch are cut, and
everything follows from that (see `neurosym.training.devices`).
"""

import copy
import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from neurosym.training.blame import blamed
from neurosym.training.compiling import Compilation
from neurosym.training.contract import loss_of
from neurosym.training.devices import Devices
from neurosym.training.optimizer import Numbers, Optimizer
from neurosym.training.state import Anatomy, TrainState
from neurosym.training.task import PyTree, Split
from neurosym.transforms.compatibility import setting
from neurosym.transforms.loops import while_loop
from neurosym.transforms.quick import quick_jit

# The model's own random layers draw from a stream apart from the key that the loss gets.
_LAYERS_STREAM = 0x1A7E


@dataclasses.dataclass(frozen=True)
class Keys:
    """The random streams of a run, all from its seed.

    The data key is folded with the epoch, the step key with the step. Of several seeds, each
    stream has a leading axis S.
    """

    init: jax.Array
    data: jax.Array
    step: jax.Array

    @classmethod
    def of(cls, seed: int) -> "Keys":
        """The streams of `seed`."""
        impl = setting("jax_default_prng_impl")
        return cls(*_streams()(np.uint32(seed), impl=impl))

    @classmethod
    def stacked(cls, seeds: Sequence[int]) -> "Keys":
        """The streams of several seeds, key[S] each."""
        each = [cls.of(seed) for seed in seeds]
        names = ("init", "data", "step")
        return cls(*(jnp.stack([getattr(keys, name) for keys in each]) for name in names))


class Program:
    """The compiled training steps of one task on one training split.

    Args:
      task: see `neurosym.training.task.Task`.
      anatomy: the model, taken apart.
      optimizer: the optax transformation; the numbers of an `Optimizer` are arguments of the
        program, and other numbers are constants of it.
      split: the training data.
      batch_size: B, at most the size of the split and a multiple of the parts that devices cut.
      keys: random streams of the run, or of S seeds that are trained together: then every array
        of a state has a leading axis S.
      loop: "scan" or "step".
      devices: where to compute.

    Attributes:
      steps_per_epoch: whole batches in the split.
      stacked: whether there is an axis of seeds.

    Raises:
      ValueError: the split has fewer examples than a batch, or devices do not divide the batch.
    """

    def __init__(
        self,
        task: Any,
        anatomy: Anatomy,
        optimizer: optax.GradientTransformation | Optimizer,
        split: Split,
        *,
        batch_size: int,
        keys: Keys,
        loop: str = "scan",
        devices: Devices | None = None,
    ) -> None:
        devices = devices or Devices()
        if batch_size > split.size:
            raise ValueError(
                f"config.train.batch_size ({batch_size}) is larger than the training split "
                f"({split.size} examples)"
            )
        if batch_size % devices.parts:
            raise ValueError(
                f"config.train.batch_size ({batch_size}) is not a multiple of the {devices.parts} "
                "devices that a batch is cut into"
            )
        self.steps_per_epoch = split.size // batch_size
        self.stacked = keys.init.ndim > 0
        if not isinstance(optimizer, Optimizer):
            optimizer = Optimizer.constant(optimizer)
        self._optimizer = optimizer
        self._numbers = devices.put(jax.device_put(dict(optimizer.numbers)))
        self._loop = loop
        self._devices = devices
        self._data = devices.put((split.examples, split.shared, anatomy.constants))
        self._size, self._batch_size = split.size, batch_size
        step = _make_step(task, anatomy, optimizer)
        if self.stacked:
            step = jax.vmap(step, in_axes=(0, 0, None, None, None, 0, None))
        # Traced once, for the shapes of its sums and for the loop: it never sees the sums.
        self._step = jax.jit(step)
        self._permute = quick_jit(self._permutations)  # sorts integers, once an epoch
        self._compilations: list[Compilation] = []  # at most one, shared by copies
        self._keys, self._step_key = keys, devices.put(keys.step)
        self._permutation = (0, self._permutation_of(0))  # the epoch and its order

    @property
    def compile_seconds(self) -> float:
        """Time for which tracing and compiling were waited for so far."""
        return sum(compilation.seconds for compilation in self._compilations)

    @property
    def compiles(self) -> bool:
        """Whether a thread has yet to finish compiling the steps."""
        return any(compilation.goes_on for compilation in self._compilations)

    def with_keys(self, keys: Keys) -> Self:
        """The same program, compiled once for both, for other seeds: as many as before."""
        other = copy.copy(self)
        other._keys, other._step_key = keys, self._devices.put(keys.step)
        other._permutation = (0, other._permutation_of(0))
        return other

    def initial_state(self, params: PyTree, other: PyTree) -> TrainState:
        """The state before the first step, with these parameters (with an axis S if stacked)."""
        init = self._optimizer.build(self._optimizer.numbers).init
        init = jax.vmap(init) if self.stacked else init
        step: Any = np.zeros(self._keys.init.shape, np.int32)
        state = TrainState(step, params, other, quick_jit(init)(params), {}, step - 1)
        _, sums = jax.eval_shape(self._summands, state, self._permutation[1], 0, *self._step_data)
        return self.placed(self.start_epoch(state._replace(sums=sums)))

    def placed(self, state: TrainState) -> TrainState:
        """The state on the devices, cut as the program wants it."""
        return self._devices.put_state(state, stacked=self.stacked)

    def start_epoch(self, state: TrainState) -> TrainState:
        """The state with its sums set back to zero."""
        zeros = {name: np.zeros(self._keys.init.shape, np.float32) for name in state.sums}
        return state._replace(sums=self._devices.put_state(zeros, stacked=self.stacked))

    def run(self, state: TrainState, steps: int) -> TrainState:
        """Makes `steps` steps, none beyond the end of the epoch that `state` is in.

        Stops early at the first step whose loss or gradient is not finite; of several seeds, when
        that is so of all of them. The buffers of `state` are donated: only the returned state may
        be used afterwards.

        Args:
          state: where to start; seeds that are trained together are at the same step.
          steps: how many steps.

        Returns:
          The state after them.

        Raises:
          ValueError: `steps` reaches beyond the epoch.
        """
        start = int(np.max(self._devices.fetch(state.step)))
        epoch, offset = divmod(start, self.steps_per_epoch)
        if offset + steps > self.steps_per_epoch:
            raise ValueError(f"{steps} steps from step {start} reach beyond epoch {epoch}")
        if self._permutation[0] != epoch:
            self._permutation = (epoch, self._permutation_of(epoch))
        first = np.int32(start - offset)
        arguments = (self._permutation[1], first, *self._step_data)
        advance = self.compiled(state)
        if self._loop == "scan":
            return advance(state, np.int32(start + steps), *arguments)
        for _ in range(steps):
            state = advance(state, *arguments)
        return state

    def compile(self, state: TrainState) -> None:
        """Begins to compile the program that advances states like `state`: see `Compilation`."""
        if not self._compilations:
            self._compilations.append(Compilation(lambda: self._lowered(state)))

    def compiled(self, state: TrainState) -> Any:
        """The program that advances states like `state`, as JAX compiled it."""
        self.compile(state)
        return self._compilations[0].program()

    def _lowered(self, state: TrainState) -> jax.stages.Lowered:
        arguments = (self._permutation[1], np.int32(0), *self._step_data)
        shardings = self._devices.state_shardings(state, stacked=self.stacked)
        many = self._loop == "scan"
        jitted = jax.jit(
            self._run_many if many else self._run_one, donate_argnums=0, out_shardings=shardings
        )
        return jitted.lower(state, *((np.int32(0),) if many else ()), *arguments)

    def _permutation_of(self, epoch: int) -> jax.Array:
        """The order of the examples in an epoch, int32[n] or [S, n], on every device."""
        return self._devices.put(self._permute(self._keys.data, epoch))

    def _permutations(self, key: jax.Array, epoch: jax.Array) -> jax.Array:
        def permutation(key: jax.Array) -> jax.Array:
            return jax.random.permutation(jax.random.fold_in(key, epoch), self._size)

        return jax.vmap(permutation)(key) if self.stacked else permutation(key)

    @property
    def _step_data(self) -> tuple[Any, ...]:
        return (*self._data, self._step_key, self._numbers)

    def _summands(
        self, state: TrainState, permutation: jax.Array, first: jax.Array, *data: Any
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        offset = (self._step_of(state) - first) * self._batch_size
        indices = lax.dynamic_slice_in_dim(permutation, offset, self._batch_size, axis=-1)
        indices = self._devices.cut(indices, stacked=self.stacked)
        return self._step(state._replace(sums={}), indices, *data)

    def _run_one(self, state: TrainState, *arguments: Any) -> TrainState:
        stepped, summands = self._summands(state, *arguments)
        sums = {name: state.sums[name] + summands[name] for name in state.sums}
        return stepped._replace(sums=sums)

    def _run_many(self, state: TrainState, stop: jax.Array, *arguments: Any) -> TrainState:
        return while_loop(
            lambda now: (self._step_of(now) < stop) & jnp.any(now.bad_step < 0),
            lambda now: self._run_one(now, *arguments),
            state,
        )

    def _step_of(self, state: TrainState) -> jax.Array:
        """The one step, int32[], that all seeds are at."""
        return state.step[0] if self.stacked else state.step


@functools.cache
def _streams() -> Callable[..., tuple[jax.Array, ...]]:
    """Three random streams of a seed, as one program."""

    def streams(seed: jax.Array, *, impl: str) -> tuple[jax.Array, ...]:
        root = jax.random.key(seed, impl=impl)
        return tuple(jax.random.fold_in(root, stream) for stream in range(3))

    return quick_jit(streams, static_argnames="impl")


def _make_step(
    task: Any, anatomy: Anatomy, optimizer: Optimizer
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    def step(
        state: TrainState,
        indices: jax.Array,
        examples: PyTree,
        shared: PyTree,
        constants: PyTree,
        step_key: jax.Array,
        numbers: Numbers,
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        key = jax.random.fold_in(step_key, state.step)
        batch = batch_of(task, examples, shared, indices)

        def loss_and_more(params: PyTree) -> tuple[jax.Array, tuple[dict[str, jax.Array], PyTree]]:
            layers_key = jax.random.fold_in(key, _LAYERS_STREAM)
            model = anatomy.build(
                params, state.other, constants=constants, key=layers_key, training=True
            )
            loss, metrics = loss_of(task, model, batch, key=key, step=state.step)
            return loss, (metrics, anatomy.other_of(model))

        gradient_of = jax.value_and_grad(loss_and_more, has_aux=True)
        (loss, (metrics, other)), gradient = gradient_of(state.params)
        grad_norm = optax.global_norm(gradient)
        update = optimizer.build(numbers).update
        updates, opt_state = update(gradient, state.opt_state, state.params)
        is_bad = ~(jnp.isfinite(loss) & jnp.isfinite(grad_norm)) & (state.bad_step < 0)
        stepped = TrainState(
            step=state.step + 1,
            params=optax.apply_updates(state.params, updates),
            other=other,
            opt_state=opt_state,
            sums=state.sums,
            bad_step=jnp.where(is_bad, state.step, state.bad_step),
        )
        summands = {"loss": loss, "grad_norm": grad_norm, **metrics}
        return stepped, {name: jnp.asarray(x, jnp.float32) for name, x in summands.items()}

    return step


def batch_of(task: Any, examples: PyTree, shared: PyTree, indices: jax.Array) -> PyTree:
    """The task's batch of the examples at `indices`, int32[B], which must lie within the arrays."""
    gathered = jax.tree.map(lambda x: x.at[indices].get(mode="promise_in_bounds"), examples)
    with blamed(task, "batch"):
        return task.batch(gathered, shared)
