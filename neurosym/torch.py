"""`reasoning`: exact reasoning with its gradient inside of a PyTorch model.

    a + b == total                        a problem
    layer = ns.torch.reasoning(problem, target=total)
    layer(log_weights [64, 2, 10])   ─▶   log-probabilities [64, 19] of the total, in PyTorch
    loss.backward()                       reaches the encoder through the reasoning

It is a shell around a `neurosym.reasoning.Answerer`: the same jitted program as in JAX, whose
gradient is JAX's. On a CPU the tensors pass by DLPack, so nothing is copied.

Importing `neurosym` does not import PyTorch: only this module does.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax

from neurosym.problems.network import Network
from neurosym.problems.problem import Problem
from neurosym.problems.variable import Variable
from neurosym.reasoning.answer import Engine, make_answerer
from neurosym.semirings.algebra.instances import LOG
from neurosym.semirings.algebra.semiring import Semiring

_INSTALL = "neurosym.torch needs PyTorch: pip install torch (https://pytorch.org)"


def reasoning(
    network: Problem | Network | Any,
    target: Variable | str | int | None = None,
    *,
    inputs: Any = None,
    semiring: Semiring = LOG,
    engine: Engine | None = None,
) -> Any:
    """A `torch.nn.Module` that infers, as `neurosym.nn.Reasoning` does in Flax.

    The module maps log-weights ``float32[..., I, D]`` of the inputs to log-probabilities
    ``float32[..., D_target]`` of the target's values, or ``float32[...]`` that the constraints
    hold. It has no parameters. Its program is compiled once for each shape. Derivatives of any
    order are JAX's.

    Args:
      network: a problem, compiled or not, or a circuit.
      target: the variable to infer; None infers whether the constraints hold.
      inputs: the observed variables in the order of the weights; by default all but the target.
      semiring: the algebra to infer in.
      engine: how to infer; by default elimination of a network and passes over a circuit.

    Raises:
      ModuleNotFoundError: PyTorch is not installed.
      ValueError: as of `neurosym.reasoning.make_answerer`; and, of the module, where weights are
        not float32 tensors of the right shape on a CPU.
    """
    torch: Any = _torch()
    answerer = make_answerer(network, target, inputs=inputs, semiring=semiring, engine=engine)
    infer = _function(torch, lambda log_weights: (answerer(log_weights),), inputs=1)

    class Reasoning(torch.nn.Module):
        """Log-weights of the inputs to log-probabilities; see `neurosym.torch.reasoning`."""

        def __init__(self) -> None:
            super().__init__()
            self.answerer = answerer

        def forward(self, log_weights: Any) -> Any:
            """Infers, of a float32 tensor ``[..., I, D]`` on a CPU."""
            _check(torch, log_weights)
            (answer,) = infer.apply(log_weights)
            return answer

        def extra_repr(self) -> str:
            """The parts that it is made of."""
            return ", ".join(f"{name}: {value}" for name, value in answerer.facts().items())

    return Reasoning()


def _function(torch: Any, program: Callable[..., tuple[jax.Array, ...]], *, inputs: int) -> Any:
    """A `torch.autograd.Function` of a program in JAX from arrays to a tuple of arrays.

    Its backward pass is such a function as well, of the program that JAX derives, and is made when
    it is first asked for: so there are derivatives of any order.
    """
    jitted = jax.jit(program)

    def pull(*arguments: jax.Array) -> tuple[jax.Array, ...]:
        _, transposed = jax.vjp(program, *arguments[:inputs])
        return transposed(tuple(arguments[inputs:]))

    @functools.cache
    def derived(outputs: int) -> Any:
        return _function(torch, pull, inputs=inputs + outputs)

    class Function(torch.autograd.Function):
        """Tensors to a tuple of tensors."""

        @staticmethod
        def forward(context: Any, *tensors: Any) -> tuple[Any, ...]:
            context.save_for_backward(*tensors)
            return tuple(_to_torch(array) for array in jitted(*map(_to_jax, tensors)))

        @staticmethod
        def backward(context: Any, *cotangents: Any) -> tuple[Any, ...]:
            function = derived(len(cotangents))
            return function.apply(*context.saved_tensors, *cotangents)

    return Function


def _to_jax(tensor: Any) -> jax.Array:
    """The same memory, where it lies in rows one after another as JAX has it."""
    # DLPack carries no gradient, and JAX no strides.
    return jax.dlpack.from_dlpack(tensor.detach().contiguous())


def _to_torch(array: jax.Array) -> Any:
    # Programs run asynchronously: PyTorch is to see numbers.
    return _torch().from_dlpack(array.block_until_ready())


def _check(torch: Any, log_weights: Any) -> None:
    if not isinstance(log_weights, torch.Tensor):
        kind = type(log_weights).__name__
        raise ValueError(f"log-weights are a torch.Tensor, not {kind}")
    if log_weights.dtype != torch.float32:
        raise ValueError(f"log-weights are torch.float32, not {log_weights.dtype}")
    if log_weights.device.type != "cpu" or jax.default_backend() != "cpu":
        raise ValueError(
            "log-weights pass between PyTorch and JAX on a CPU; the tensor is on "
            f"{log_weights.device}, and JAX on {jax.default_backend()}"
        )


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(_INSTALL, name="torch") from error
    return torch
