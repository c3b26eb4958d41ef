"""`Semiring`: the algebra that a problem is read in, as a small immutable value.

A commutative semiring ``(K, ⊕, ⊗, 0, 1)`` is what every engine is generic over. Its elements are
arrays, or pytrees of arrays (`neurosym.semirings.elements`). To be differentiable it states two
derivatives, one of its ⊕ and one of its ⊗, and the one rule in `neurosym.semirings.algebra.rule`
turns them into JAX derivatives of every operation.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.semirings.algebra import elements, pickling, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.transforms.conversion import as_array, as_counts, as_floats

Binary = Callable[[Any, Any], Any]
Unary = Callable[[Any], Any]


class Reduction(Protocol):
    """A fold along one axis: ``(x, axis) -> x`` without that axis."""

    def __call__(self, x: Any, axis: int) -> Any: ...


@dataclasses.dataclass(frozen=True, eq=False)
class RealCoordinates:
    """An isomorphism onto the real numbers, through which ⊕ becomes + and ⊗ becomes ×.

    A contraction in such a semiring is a real matrix product, so it runs on matrix units.
    ``shifted`` says that ⊗ is ordinary addition (log-like encodings): the operands are then scaled
    by subtracting their largest elements before they are encoded, and the results scaled back.
    """

    encode: Callable[[jax.Array], jax.Array]
    decode: Callable[[jax.Array], jax.Array]
    derivative: Binary  # (x, encode(x)) -> encode'(x)
    shifted: bool


@dataclasses.dataclass(frozen=True, eq=False)
class Semiring:
    """A commutative semiring over arrays or pytrees of arrays.

    ``add``, ``mul``, ``sum`` and ``prod`` of a constructed semiring carry the gradient rule: their
    JAX derivatives come from ``responsibility`` and ``cofactor`` alone, never from differentiating
    the functions that were passed in. A semiring of your own needs only the first seven fields:

    >>> import jax, jax.numpy as jnp
    >>> euclid = Semiring(
    ...     name="euclid",
    ...     zero=0.0,
    ...     one=1.0,
    ...     add=lambda x, y: jnp.sqrt(x**2 + y**2),
    ...     mul=lambda x, y: x * y,
    ...     responsibility=lambda x, total: x / jnp.where(total == 0, 1, total),
    ...     cofactor=lambda x, y: y,
    ... )
    >>> float(euclid.sum(jnp.array([2.0, 3.0, 6.0]), axis=0))
    7.0
    >>> print(jax.grad(lambda x: euclid.sum(x, axis=0))(jnp.array([3.0, 4.0])))
    [0.6 0.8]

    A semiring is equal to itself alone. It is pickled by the name that it has in its module (a
    member of a family, such as ``K_BEST(3)``, by that call), so unpickling gives the same object.

    Attributes:
      name: how messages and configs call it.
      zero: the identity of ⊕, which annihilates under ⊗. A number, or for elements of several
        parts a pytree of NumPy arrays and scalars: its structure, and the shapes of its leaves, are
        those of one element.
      one: the identity of ⊗.
      add: elementwise ⊕ of two arrays that broadcast.
      mul: elementwise ⊗ of two arrays that broadcast.
      responsibility: ``(x, total) -> d total / d x`` elementwise, for ``total = ... ⊕ x ⊕ ...``.
        A selective ⊕ returns 1 for each winner; the rule splits ties evenly. None: no derivative.
      cofactor: ``(x, y) -> d (x ⊗ y) / d x`` elementwise. Ties of a selective ⊗ as above.
      dtype: of the elements, "float" for any floating type; "int32" or "bool" otherwise. Floating
        parts of elements of several parts may be of any floating type; the others are as in zero.
      autodiff: for elements of several parts, in place of the two derivatives: JAX may
        differentiate ⊕ and ⊗ as they are written.
      fold_sum: a faster n-ary ⊕ along an axis, where there is one; else ``add`` is folded as a
        tree.
      fold_prod: the same for ⊗.
      from_log: turns log-probabilities into elements, where that means something; else None.
      to_log: turns elements into log-probabilities, where that means something; else None.
      truth_degrees: elements are degrees in [0, 1]; ``from_log`` reads a probability as one, and
        products of probabilities do not become ⊗.
      coordinates: the real coordinates, where there are some; they make contractions fast.
      negate: ``x ⊕ negate(x) = 0``, where that exists; with it ⊕ can be undone.
      divide: ``(x ⊗ y) divide y = x`` for every y but zero, where that exists.
      star: ``star(x) = 1 ⊕ x ⊗ star(x)``, the sum of all powers of x, where that exists.
      complement: the weight of a negative literal, given that of the positive one, where
        probabilities or degrees mean something; else both weights must be given.
      idempotent: ``x ⊕ x = x``.
      selective: ``x ⊕ y`` is ``x`` or ``y``.
      selective_mul: ``x ⊗ y`` is ``x`` or ``y``.
      ordered: "increasing" where ⊕ moves up the order of the reals (``x ⊕ y >= x``), "decreasing"
        where it moves down it, None where neither.
    """

    name: str
    zero: Any
    one: Any
    add: Binary
    mul: Binary
    responsibility: Binary | None = None
    cofactor: Binary | None = None
    dtype: str = "float"
    autodiff: bool = False
    fold_sum: Reduction | None = None
    fold_prod: Reduction | None = None
    from_log: Callable[[jax.Array], Any] | None = None
    to_log: Callable[[Any], jax.Array] | None = None
    truth_degrees: bool = False
    coordinates: RealCoordinates | None = None
    negate: Unary | None = None
    divide: Binary | None = None
    star: Unary | None = None
    complement: Unary | None = None
    idempotent: bool = False
    selective: bool = False
    selective_mul: bool = False
    ordered: str | None = None

    def __post_init__(self) -> None:
        if self.dtype not in ("float", "int32", "bool"):
            raise ValueError(
                f"semiring {self.name}: dtype is float, int32 or bool, not {self.dtype}"
            )
        # The functions as given become the values of the rule's operations. dataclasses.replace
        # hands over functions that are wrapped already; those are unwrapped first.
        for field, operation in (("add", rule.Add), ("mul", rule.Mul)):
            function = getattr(self, field)
            function = getattr(function, "function", function)
            object.__setattr__(self, field, rule.Ruled(self, operation, function))

    def __repr__(self) -> str:
        return f"Semiring({self.name})"

    def __reduce__(self) -> Any:
        return pickling.reduced(self)

    def __copy__(self) -> "Semiring":
        return self

    def __deepcopy__(self, memo: Any) -> "Semiring":
        return self

    @property
    def differentiable(self) -> bool:
        """Both derivatives are stated, or JAX may differentiate the operations themselves."""
        return self.autodiff or (self.responsibility is not None and self.cofactor is not None)

    @property
    def broken_laws(self) -> str:
        """The laws that do not hold; none in a semiring, some in a `Provenance`."""
        return ""

    def require_laws(self, engine: str) -> None:
        """Raises ValueError if a law does not hold that ``engine`` relies on."""
        if self.broken_laws:
            raise ValueError(
                f"{engine} rewrites what it computes, which {self!r} does not allow: it breaks "
                f"{self.broken_laws}. Evaluate it on a circuit (neurosym.circuits), or take a "
                "semiring"
            )

    def sum(self, x: Elements, axis: int | tuple[int, ...] = -1) -> Elements:
        """⊕ along ``axis`` (several: as one reduction); zero where that is empty."""
        x, axis = self._one_axis(x, axis)
        return rule.apply(rule.Sum(self, axis), x)

    def prod(self, x: Elements, axis: int | tuple[int, ...] = -1) -> Elements:
        """⊗ along ``axis`` (several: as one reduction); one where that is empty."""
        x, axis = self._one_axis(x, axis)
        return rule.apply(rule.Product(self, axis), x)

    def asarray(self, x: Any, *, relevant: np.ndarray | None = None) -> Elements:
        """``x`` as elements of this semiring, without a change of its numbers.

        Integers become floats or counts, whatever their width; counts beyond int32 saturate.

        Args:
          x: numbers of Python, NumPy or JAX, or a pytree of them like the zero.
          relevant: ``bool``, of the shape of the last axes; other entries may be anything.

        Raises:
          ValueError: if its structure or dtype does not hold elements of this semiring, or a
            relevant number lies beyond the range of the floats.
        """
        if elements.is_structured(self):
            return self._as_structured(x)
        what = f"an array of elements of semiring {self.name}"
        if self.dtype == "float":
            return as_floats(x, what=what, relevant=relevant)
        if self.dtype == "int32":
            return as_counts(x, what=f"semiring {self.name}")
        x = as_array(x, what=what)
        if x.dtype != jnp.bool_:
            raise ValueError(f"semiring {self.name} has bool elements, not {x.dtype}")
        return x

    def zeros(self, shape: tuple[int, ...] | list[int], dtype: Any = None) -> Elements:
        """Elements of that shape, all the semiring's zero."""
        return elements.full(self, shape, self.zero, self._dtype(dtype))

    def ones(self, shape: tuple[int, ...] | list[int], dtype: Any = None) -> Elements:
        """Elements of that shape, all the semiring's one."""
        return elements.full(self, shape, self.one, self._dtype(dtype))

    def indicator(self, mask: jax.Array | np.ndarray, dtype: Any = None) -> Elements:
        """The semiring's one where ``mask`` holds, zero elsewhere.

        Of a mask of NumPy, NumPy makes it: a constant in a program, and no program outside of one.
        """
        if not isinstance(mask, jax.Array):
            mask = np.asarray(mask, np.bool_)
            return elements.host_where(mask, self.one, self.zero, self._dtype(dtype))
        if elements.is_structured(self):
            return elements.where(self, mask, self.ones((), dtype), self.zeros((), dtype))
        dtype = self._dtype(dtype)
        return jnp.where(mask, jnp.asarray(self.one, dtype), jnp.asarray(self.zero, dtype))

    def _dtype(self, dtype: Any) -> Any:
        if self.dtype == "float":
            return jnp.float32 if dtype is None else dtype
        return jnp.dtype(self.dtype)

    def _as_structured(self, x: Any) -> Elements:
        wanted, given = jax.tree.structure(self.zero), jax.tree.structure(x)
        if str(wanted) != str(given):
            raise ValueError(f"semiring {self.name} has elements {wanted}, not {given}")
        x = jax.tree.map(
            lambda zero, leaf: self._as_part(np.asarray(zero), leaf),
            self.zero,
            x,
        )
        leading = set()
        for zero, leaf in zip(jax.tree.leaves(self.zero), jax.tree.leaves(x), strict=True):
            trailing = np.shape(zero)
            if leaf.shape[leaf.ndim - len(trailing) :] != trailing:
                raise ValueError(
                    f"semiring {self.name} has a part that ends in axes {list(trailing)}, "
                    f"not in those of {list(leaf.shape)}"
                )
            leading.add(leaf.shape[: leaf.ndim - len(trailing)])
        if len(leading) > 1:
            raise ValueError(
                f"semiring {self.name}: the parts of its elements have different leading axes, "
                f"{' and '.join(str(list(shape)) for shape in sorted(leading))}"
            )
        return x

    def _as_part(self, zero: np.ndarray, leaf: Any) -> jax.Array:
        what = f"a part of elements of semiring {self.name}"
        if hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jnp.floating):
            return as_array(leaf, what=what)
        if jnp.issubdtype(zero.dtype, jnp.floating):
            return as_floats(leaf, what=what)
        return as_array(leaf, zero.dtype, what=what)

    def _one_axis(self, x: Elements, axis: int | tuple[int, ...]) -> tuple[Elements, int]:
        x = self.asarray(x)
        shape = elements.shape(self, x)
        if isinstance(axis, int):
            return x, axis % len(shape)
        axes = tuple(a % len(shape) for a in axis)
        kept = tuple(a for a in range(len(shape)) if a not in axes)
        x = elements.transpose(self, x, kept + axes)
        return elements.reshape(self, x, (*(shape[a] for a in kept), -1)), len(kept)


def faults(semiring: Semiring, leaf: Any) -> tuple[np.ndarray, str]:
    """Where a part of some elements holds what is not an element, ``bool[...]``, and what it is.

    Only concrete arrays can be looked into; no fault is found in a tracer.
    """
    if isinstance(leaf, jax.core.Tracer):
        return np.zeros((), np.bool_), ""
    values = np.asarray(leaf)
    if jnp.issubdtype(values.dtype, jnp.floating):
        wrong = np.isnan(values)
        if wrong.any() or elements.is_structured(semiring):
            return wrong, "is NaN"
        wrong = np.isinf(values) & (values != semiring.zero)
        if wrong.any():
            return (
                wrong,
                f"is {values[wrong][0]}, which is not an element of semiring {semiring.name}",
            )
        if semiring.truth_degrees:
            return (values < 0) | (values > 1), "is not a degree from 0 to 1"
    elif semiring.dtype == "int32" and not elements.is_structured(semiring):
        return values < 0, f"is negative, which is not an element of semiring {semiring.name}"
    return np.zeros(values.shape, np.bool_), ""


def require_elements(semiring: Semiring, x: Elements) -> None:
    """Raises ValueError if concrete arrays hold NaN or what is not an element of the semiring."""
    for leaf in jax.tree.leaves(x):
        wrong, what = faults(semiring, leaf)
        if wrong.any():
            place = np.argwhere(wrong)[0].tolist()
            raise ValueError(f"the weight at {place} {what}")
