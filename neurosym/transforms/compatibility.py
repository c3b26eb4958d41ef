"""What JAX does not promise to keep, in one file; and what differs between the releases we serve.

Served are JAX 0.10 (the last for Python 3.11) to 0.12. JAX promises to keep what stands in its API
documentation without `jax.extend` and `jax.experimental`. What we use beyond it, and by what each
would be replaced:

- `define`, `is_zero`, `is_unknown`, `with_zeros`, `abstract_array` are `jax.extend.core.Primitive`
  and `jax.interpreters`; then `HiPrim` of `jax.experimental.hijax`, which has such rules.
- `custom_vmap` is of `jax.custom_batching`; then an operation by `define`.
- `Computation` is `.jaxpr` and `jax.core.eval_jaxpr`; then `jax.extend.core.jaxpr_as_fun`.
- `depends` reads the equations of a jaxpr; then which derivatives are zero, by `jax.linearize`.
- `trace_state` is of `jax.extend.core`; then whatever Flax does, which asks the same.
- `setting` reads `jax.config`, of which only the writing is documented.

Elsewhere in the package none of this is used; `tests/transforms/test_compatibility.py` reads every
file for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import jaxlib
from jax.custom_batching import custom_vmap
from jax.extend.core import Primitive, get_opaque_trace_state
from jax.interpreters import ad, batching, mlir

__all__ = [
    "HAS_A_CHOICE_OF_EMITTERS",
    "HOISTS_EVERY_LOOP",
    "Computation",
    "Primitive",
    "abstract_array",
    "computation_of",
    "custom_vmap",
    "define",
    "depends",
    "is_unknown",
    "is_zero",
    "setting",
    "trace_state",
    "with_zeros",
]

JAXLIB = tuple(int(part) for part in jaxlib.__version__.split(".")[:3])

HAS_A_CHOICE_OF_EMITTERS = JAXLIB < (0, 11, 1)
"""On CPU `xla_cpu_use_fusion_emitters=false` is taken; later releases end the process over it."""

HOISTS_EVERY_LOOP = JAXLIB >= (0, 12, 0)
"""On CPU the pass `small-while-loop-hoisting` takes each loop for a small one."""


def define(
    name: str,
    *,
    compute: Callable[..., Sequence[jax.Array]],
    abstract: Callable[..., Sequence[Any]],
    batch: Callable[..., tuple[Sequence[jax.Array], Sequence[int]]],
    jvp: Callable[..., tuple[Sequence[jax.Array], Sequence[jax.Array]]],
    transpose: Callable[..., Sequence[Any]],
) -> Primitive:
    """An operation with several results that JAX transforms by these rules.

    Args:
      name: in the jaxpr.
      compute: the operation in terms of others; also what is lowered.
      abstract: from abstract operands to abstract results.
      batch: from operands and the axes of their batches to results and those of theirs.
      jvp: from operands and tangents to results and tangents.
      transpose: from cotangents and operands, where linear ones are unknown (`is_unknown`), to
        cotangents of the unknown ones.
    """
    primitive = Primitive(name)
    primitive.multiple_results = True
    primitive.def_impl(compute)
    primitive.def_abstract_eval(abstract)
    batching.primitive_batchers[primitive] = batch
    ad.primitive_jvps[primitive] = jvp
    ad.primitive_transposes[primitive] = transpose
    mlir.register_lowering(primitive, mlir.lower_fun(compute, multiple_results=True))
    return primitive


def abstract_array(shape: Sequence[int], dtype: Any) -> Any:
    """What a primitive says of a result."""
    return jax.core.ShapedArray(tuple(shape), dtype)


def is_zero(tangent: Any) -> bool:
    """Whether a tangent is zero as far as JAX knows without computing it."""
    return isinstance(tangent, ad.Zero)


def is_unknown(operand: Any) -> bool:
    """Whether an operand of a transposed operation stands for a linear argument."""
    return ad.is_undefined_primal(operand)


def with_zeros(cotangent: Any) -> jax.Array:
    """A cotangent as an array, also where it is zero as far as JAX knows."""
    return ad.instantiate_zeros(cotangent)


@dataclasses.dataclass(frozen=True, eq=False)
class Computation:
    """A traced function of flat arrays, the arrays that it closed over given anew."""

    jaxpr: Any
    constants: int

    def __call__(self, constants: Sequence[jax.Array], *leaves: jax.Array) -> list[jax.Array]:
        return jax.core.eval_jaxpr(self.jaxpr, constants, *leaves)


def computation_of(
    function: Callable[..., Any], *arguments: Any
) -> tuple[Computation, list[jax.Array], Any]:
    """A function, traced once for arguments like these.

    Returns:
      The computation, of the leaves of the arguments; the arrays that the function closes over;
      and shapes and dtypes of its result, as `jax.eval_shape` gives them.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    constants = [jnp.asarray(x) for x in closed.consts]
    return Computation(closed.jaxpr, len(constants)), constants, shape


def depends(function: Callable[..., Any], *arguments: Any) -> tuple[bool, ...]:
    """Of each leaf of the function's result: whether the leaves of the arguments enter into it."""
    traced = jax.make_jaxpr(function)(*arguments).jaxpr
    moving = {id(x) for x in traced.invars}
    for equation in traced.eqns:
        if any(id(x) in moving for x in equation.invars):
            moving |= {id(x) for x in equation.outvars}
    return tuple(id(x) in moving for x in traced.outvars)


def trace_state() -> Any:
    """What JAX traces at this moment in this thread; equal to another if that is the same."""
    return get_opaque_trace_state(convention="nnx")


def setting(name: str) -> Any:
    """A setting of JAX, such as ``"jax_enable_x64"``, as it is here and now."""
    return getattr(jax.config, name)
