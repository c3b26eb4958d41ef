"""Python's and NumPy's numbers as JAX arrays that hold the same numbers.

    jnp.asarray(np.array([2**32 + 5]))     # [5]: without x64, JAX drops the upper half in silence
    as_array(np.array([2**32 + 5]))        # ValueError: ... holds 4294967301 at [0], beyond int32
    jnp.asarray(np.array([1e300]))         # [inf]
    as_floats(np.array([1e300]))           # ValueError: ... holds 1e+300 at [0], beyond float32
    as_counts(np.array([2**32 + 5]))       # [2147483647]: a count, "at least so many"

Rounding is not a change of the number: 0.1 becomes the float32 next to it, 1e-300 becomes 0. A JAX
array comes back as it is; nobody can look into a tracer.
"""

from __future__ import annotations

import numbers
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.transforms.concrete import concrete


def as_array(
    x: Any, dtype: Any = None, *, what: str = "an array", relevant: np.ndarray | None = None
) -> jax.Array:
    """``x`` as a JAX array, without a change of its numbers.

    Args:
      x: numbers: of Python, nested lists of them, a NumPy array, a JAX array or a tracer.
      dtype: of the result; None for the dtype in which JAX holds numbers of this kind, which has 32
        bits with x64 off.
      what: how an error calls ``x``.
      relevant: ``bool``, of the shape of the last axes of ``x``; other entries may be anything.

    Raises:
      ValueError: if a relevant number does not fit, or if there are no numbers in ``x``.
    """
    if _holds_jax(x):
        return jnp.asarray(x, dtype)
    given = _numbers(x, what)
    wanted = np.dtype(dtype) if dtype is not None else _held_as(given.dtype)
    if type(x) in (bool, int, float) and dtype is None:
        _refuse_what_does_not_fit(given, wanted, what, None)
        return jnp.asarray(x)  # of a weak type, as every Python number
    held = _refuse_what_does_not_fit(given, wanted, what, relevant)
    # Of an array of NumPy, `jnp.asarray` makes a program for each shape.
    return jax.device_put(held) if concrete() else jnp.asarray(held)


def as_floats(x: Any, *, what: str = "an array", relevant: np.ndarray | None = None) -> jax.Array:
    """As `as_array`; integers and Booleans become float32.

    Raises:
      ValueError: as `as_array`, and for complex numbers.
    """
    if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jnp.floating):
        return x
    kind = x.dtype if hasattr(x, "dtype") else None
    if kind is None and not _holds_jax(x):
        kind = _numbers(x, what).dtype
    if kind is None:
        x = jnp.asarray(x)
        kind = x.dtype
    if jnp.issubdtype(kind, jnp.complexfloating):
        raise ValueError(f"{what} holds complex numbers")
    floating = jnp.issubdtype(kind, jnp.floating)
    return as_array(x, None if floating else jnp.float32, what=what, relevant=relevant)


def as_counts(x: Any, *, what: str = "a count") -> jax.Array:
    """Integers of any width, or Booleans, as int32; beyond its range they become its ends.

    Raises:
      ValueError: for numbers that are not integers.
    """
    if not _holds_jax(x):
        x = _numbers(x, what)
    elif not hasattr(x, "dtype"):
        x = jnp.asarray(x)
    whole = x.dtype == np.bool_ or jnp.issubdtype(x.dtype, jnp.integer)
    if not whole and not (isinstance(x, np.ndarray) and x.dtype.kind == "O"):
        raise ValueError(f"{what} has int32 elements, not {x.dtype}")
    if x.dtype == np.int32:
        return jnp.asarray(x)
    if x.dtype == np.bool_ or (x.dtype.kind != "O" and np.can_cast(x.dtype, np.int32)):
        return jnp.asarray(x, jnp.int32)
    ends = np.iinfo(np.int32)
    low = 0 if jnp.issubdtype(x.dtype, jnp.unsignedinteger) else int(ends.min)
    if isinstance(x, np.ndarray):
        return jnp.asarray(np.asarray(np.clip(x, low, int(ends.max)), np.int32))
    with jax.enable_x64(True):  # else JAX cuts 64 bits before it compares them
        return jnp.clip(x, low, int(ends.max)).astype(jnp.int32)


def _holds_jax(x: Any) -> bool:
    """Whether ``x`` is an array of JAX, stands for one, or is a list with some in it."""
    if isinstance(x, list | tuple):
        return any(_holds_jax(part) for part in x)
    return isinstance(x, jax.Array) or hasattr(x, "__jax_array__")


def _numbers(x: Any, what: str) -> np.ndarray:
    """A NumPy array of numbers; of dtype object where Python's integers take more than 64 bits."""
    try:
        found = np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise ValueError(f"{what} is not an array: {error}") from error
    if found.dtype.kind == "O":
        if not all(isinstance(number, numbers.Integral) for number in found.ravel()):
            raise ValueError(f"{what} holds something that is not a number: {x!r}")
    elif not jnp.issubdtype(found.dtype, jnp.number) and found.dtype != np.bool_:
        raise ValueError(f"{what} holds {found.dtype}, which is not a number")
    return found


def _held_as(dtype: np.dtype) -> np.dtype:
    """The dtype in which JAX holds numbers of a dtype of NumPy."""
    if dtype.kind == "O":
        dtype = np.dtype(np.int64)
    elif dtype.kind == "f" and dtype.itemsize > 8:
        dtype = np.dtype(np.float64)
    return jax.dtypes.canonicalize_dtype(dtype)


def _refuse_what_does_not_fit(
    given: np.ndarray, wanted: np.dtype, what: str, relevant: np.ndarray | None
) -> np.ndarray:
    """``given`` as ``wanted``; a ValueError where that is another number."""
    if given.dtype.kind != "O" and np.can_cast(given.dtype, wanted):
        return given.astype(wanted, copy=False)
    if jnp.issubdtype(wanted, jnp.inexact):
        with np.errstate(over="ignore", invalid="ignore"):
            try:
                found = given.astype(wanted)
            except OverflowError:  # an integer of Python beyond every float
                found = np.full(given.shape, np.inf, wanted)
        finite = np.ones(given.shape, np.bool_) if given.dtype.kind == "O" else np.isfinite(given)
        wrong = finite & ~np.isfinite(found)
    elif given.dtype.kind == "O" or jnp.issubdtype(given.dtype, jnp.integer):
        ends = jnp.iinfo(wanted)
        wrong = np.asarray((given < int(ends.min)) | (given > int(ends.max)), np.bool_)
        with np.errstate(over="ignore"):
            found = np.where(wrong, 0, given).astype(wanted)
    else:
        raise ValueError(f"{what} holds {wanted}, not {given.dtype}")
    if relevant is not None and given.shape[given.ndim - relevant.ndim :] == relevant.shape:
        wrong = wrong & relevant
    if wrong.any():
        place = np.argwhere(wrong)[0].tolist()
        at = f" at {place}" if place else ""
        raise ValueError(f"{what} holds {given[tuple(place)]}{at}, beyond {wanted.name}")
    return found
