"""`Effort`: how much memory exact inference may take, and how it spends it, as one value."""

from __future__ import annotations

import dataclasses
import numbers
from typing import TypedDict


class Limits(TypedDict, total=False):
    """Parts of an `Effort`, as keywords of the functions that take one."""

    memory_limit: int
    max_slices: int
    levelled: bool | None


@dataclasses.dataclass(frozen=True)
class Effort:
    """The cost that exact inference on one instance may have.

    >>> Effort(memory_limit=2**33)
    Effort(memory_limit=8589934592, max_slices=1024, levelled=None)

    Attributes:
      memory_limit: bytes that one instance may take.
      max_slices: where memory is short, some indices are fixed and up to so many combinations of
        their values are contracted in turn; 1 forbids it.
      levelled: contract in levels, as one batched operation for many variables, or step by step;
        None leaves that to the size of the network. Values agree up to rounding, gradients of
        selective semirings as subgradients.

    Raises:
      ValueError: for a limit that is not a number from 1 up.
    """

    memory_limit: int = 2**30
    max_slices: int = 2**10
    levelled: bool | None = None

    def __post_init__(self) -> None:
        for name in ("memory_limit", "max_slices"):
            value = getattr(self, name)
            if not isinstance(value, numbers.Real) or not float(value) >= 1:
                raise ValueError(f"{name} is a number from 1 up, not {value!r}")
        if self.levelled not in (True, False, None):
            raise ValueError(f"levelled is True, False or None, not {self.levelled!r}")

    def but(self, limits: Limits) -> Effort:
        """The same effort but for the parts that were given as keywords.

        Raises:
          TypeError: for a keyword that is not a part of an effort, as Python itself would.
        """
        unknown = [name for name in limits if name not in Limits.__annotations__]
        if unknown:
            raise TypeError(
                f"unexpected keyword argument {unknown[0]!r}; an Effort has "
                f"{', '.join(Limits.__annotations__)}"
            )
        return dataclasses.replace(self, **limits)


DEFAULT_EFFORT = Effort()
"""What exact inference may cost unless the caller says otherwise."""
