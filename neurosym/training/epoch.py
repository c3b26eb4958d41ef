"""The compiled part of training: one step, and a run of steps within an epoch.

An epoch is a permutation of the examples, cut into batches; a step gathers its batch by index on
the device. The number of steps that a call makes is an argument of the compiled program, not part
of it: whatever way an epoch is cut into calls, the same machine code runs, so that a run resumed
from the middle of an epoch ends with the same bits as one that never stopped.

Steps run in a loop inside the program ("scan") or are called one at a time ("step"). On two CPU
cores LeNet's forward and backward pass took 4.7 ms in a scan and 5.8 called one by one (`neurosym
bench encoder`), so "scan" is the default; a model with a stock `lax.conv` took about 1.6 times as
long in a scan as in a bare step (`neurosym bench training_loop`), so it wants "step" on CPU. A
784-256-256-10 perceptron came out on either side in different runs on busy cores.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from neurosym.training.state import Anatomy, TrainState
from neurosym.training.task import PyTree, Split

RESERVED_METRICS = frozenset(
    ("step", "epoch", "split", "loss", "learning_rate", "grad_norm")
    + ("examples_per_second", "seconds")
)

# The model's own random layers draw from a stream apart from the key that the loss gets.
_LAYERS_STREAM = 0x1A7E


@dataclasses.dataclass(frozen=True)
class Keys:
    """The random streams of a run, all from its seed.

    The data key is folded with the epoch, the step key with the step.
    """

    init: jax.Array
    data: jax.Array
    step: jax.Array

    @classmethod
    def of(cls, seed: int) -> "Keys":
        """The streams of `seed`."""
        root = jax.random.key(seed)
        return cls(*(jax.random.fold_in(root, stream) for stream in range(3)))


class Program:
    """The compiled training steps of one task on one training split.

    Args:
      task: see `neurosym.training.task.Task`.
      anatomy: the model, taken apart.
      optimizer: the optax transformation.
      split: the training data.
      batch_size: B, at most the size of the split.
      keys: random streams of the run.
      loop: "scan" or "step".

    Attributes:
      steps_per_epoch: whole batches in the split.
      compile_seconds: time that tracing and compiling took so far.

    Raises:
      ValueError: the split has fewer examples than a batch.
    """

    def __init__(
        self,
        task: Any,
        anatomy: Anatomy,
        optimizer: optax.GradientTransformation,
        split: Split,
        *,
        batch_size: int,
        keys: Keys,
        loop: str = "scan",
    ) -> None:
        if batch_size > split.size:
            raise ValueError(
                f"config.train.batch_size ({batch_size}) is larger than the training split "
                f"({split.size} examples)"
            )
        self.steps_per_epoch = split.size // batch_size
        self.compile_seconds = 0.0
        self._anatomy = anatomy
        self._optimizer = optimizer
        self._loop = loop
        self._data = jax.device_put((split.examples, split.shared, anatomy.constants))
        self._keys = keys
        self._step = jax.jit(_make_step(task, anatomy, optimizer, batch_size))
        self._advance: Callable[..., TrainState] | None = None
        self._permute = jax.jit(
            lambda key, epoch: jax.random.permutation(jax.random.fold_in(key, epoch), split.size)
        )
        self._permutation: tuple[int, jax.Array] = (-1, self._permute(keys.data, 0))

    def initial_state(self, params: PyTree, other: PyTree) -> TrainState:
        """The state before the first step, with these parameters."""
        zero = jnp.zeros((), jnp.int32)
        state = TrainState(zero, params, other, self._optimizer.init(params), {}, zero - 1)
        _, sums = jax.eval_shape(self._step, state, self._permutation[1], zero, *self._step_data)
        return self.start_epoch(state._replace(sums=sums))

    def start_epoch(self, state: TrainState) -> TrainState:
        """The state with its sums set back to zero."""
        return state._replace(sums={name: jnp.zeros((), jnp.float32) for name in state.sums})

    def run(self, state: TrainState, steps: int) -> TrainState:
        """Makes `steps` steps, none beyond the end of the epoch that `state` is in.

        Stops early at the first step whose loss or gradient is not finite. The buffers of `state`
        are donated: only the returned state may be used afterwards.

        Args:
          state: where to start.
          steps: how many steps.

        Returns:
          The state after them.

        Raises:
          ValueError: `steps` reaches beyond the epoch.
        """
        start = int(state.step)
        epoch, offset = divmod(start, self.steps_per_epoch)
        if offset + steps > self.steps_per_epoch:
            raise ValueError(f"{steps} steps from step {start} reach beyond epoch {epoch}")
        if self._permutation[0] != epoch:
            self._permutation = (epoch, self._permute(self._keys.data, epoch))
        first = np.int32(start - offset)
        arguments = (self._permutation[1], first, *self._step_data)
        advance = self._compiled(state, arguments)
        if self._loop == "scan":
            return advance(state, np.int32(start + steps), *arguments)
        for _ in range(steps):
            state = advance(state, *arguments)
        return state

    @property
    def _step_data(self) -> tuple[Any, ...]:
        return (*self._data, self._keys.step)

    def _compiled(self, state: TrainState, arguments: tuple[Any, ...]) -> Callable[..., TrainState]:
        if self._advance is None:
            started = time.perf_counter()
            if self._loop == "scan":
                chunk = jax.jit(self._run_many, donate_argnums=0)
                self._advance = chunk.lower(state, np.int32(0), *arguments).compile()
            else:
                single = jax.jit(self._run_one, donate_argnums=0)
                self._advance = single.lower(state, *arguments).compile()
            self.compile_seconds += time.perf_counter() - started
        return self._advance

    def _run_one(self, state: TrainState, *arguments: Any) -> TrainState:
        stepped, summands = self._step(state, *arguments)
        sums = {name: state.sums[name] + summands[name] for name in state.sums}
        return stepped._replace(sums=sums)

    def _run_many(self, state: TrainState, stop: jax.Array, *arguments: Any) -> TrainState:
        return lax.while_loop(
            lambda now: (now.step < stop) & (now.bad_step < 0),
            lambda now: self._run_one(now, *arguments),
            state,
        )


def _make_step(
    task: Any, anatomy: Anatomy, optimizer: optax.GradientTransformation, batch_size: int
) -> Callable[..., tuple[TrainState, dict[str, jax.Array]]]:
    def step(
        state: TrainState,
        permutation: jax.Array,
        epoch_start: jax.Array,
        examples: PyTree,
        shared: PyTree,
        constants: PyTree,
        step_key: jax.Array,
    ) -> tuple[TrainState, dict[str, jax.Array]]:
        key = jax.random.fold_in(step_key, state.step)
        offset = (state.step - epoch_start) * batch_size
        indices = lax.dynamic_slice(permutation, (offset,), (batch_size,))
        batch = task.batch(gather(examples, indices), shared)

        def loss_of(params: PyTree) -> tuple[jax.Array, tuple[dict[str, jax.Array], PyTree]]:
            layers_key = jax.random.fold_in(key, _LAYERS_STREAM)
            model = anatomy.build(
                params, state.other, constants=constants, key=layers_key, training=True
            )
            loss, metrics = task.loss(model, batch, key=key, step=state.step)
            return _checked_loss(loss, metrics), (metrics, anatomy.other_of(model))

        gradient_of = jax.value_and_grad(loss_of, has_aux=True)
        (loss, (metrics, other)), gradient = gradient_of(state.params)
        grad_norm = optax.global_norm(gradient)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
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


def gather(examples: PyTree, indices: jax.Array) -> PyTree:
    """The examples at `indices`, int32[B], which must lie within the arrays."""
    return jax.tree.map(lambda x: x.at[indices].get(mode="promise_in_bounds"), examples)


def _checked_loss(loss: jax.Array, metrics: dict[str, jax.Array]) -> jax.Array:
    if jnp.shape(loss) != ():
        raise ValueError(f"the task's loss must be a scalar, got shape {jnp.shape(loss)}")
    for name, value in metrics.items():
        if name in RESERVED_METRICS:
            raise ValueError(f"the task's loss returns a metric {name!r}; that name is the loop's")
        if jnp.shape(value) != ():
            raise ValueError(
                f"the metric {name!r} of the task's loss must be a scalar, "
                f"got shape {jnp.shape(value)}"
            )
    return loss
