"""`Domains`: which values of which variables are still possible, as a pytree of uint64 lanes."""

from collections.abc import Iterator

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.transforms.concrete import concrete

SMALL = 2**18
"""Elements of an array that NumPy packs and unpacks, outside of every trace."""


@flax.struct.dataclass
class Domains:
    """The domains of ``V`` variables over at most ``D`` values each.

    User code reads the Boolean views; raw lanes stay inside, since without x64 a stray
    ``lanes & 1`` silently becomes 32 bits wide.

    >>> import jax.numpy as jnp
    >>> domains = Domains.from_mask(jnp.array([[True, False, True], [False, True, False]]))
    >>> domains.sizes.tolist(), domains.assigned.tolist(), domains.values.tolist()
    ([2, 1], [False, True], [0, 1])
    """

    lanes: jax.Array  # uint64[..., V, W]: bit v % 64 of word v // 64 says that v is possible
    size: int = flax.struct.field(pytree_node=False)  # D

    @classmethod
    def from_mask(cls, mask: jax.Array | np.ndarray) -> "Domains":
        """Domains of ``bool[..., V, D]``.

        Raises:
          ValueError: if ``mask`` is not Boolean or has fewer than two axes.
        """
        if not isinstance(mask, np.ndarray):
            mask = jnp.asarray(mask)
        elif mask.size > SMALL and concrete():
            mask = jax.device_put(mask)
        if mask.dtype != jnp.bool_ or mask.ndim < 2:
            raise ValueError(f"a domain mask is bool[V, D], not {mask.dtype}{list(mask.shape)}")
        if _at_hand(mask):
            return cls(lanes=_held(bits.pack_host(np.asarray(mask))), size=mask.shape[-1])
        return cls(lanes=bits.pack(mask), size=mask.shape[-1])

    @property
    def mask(self) -> jax.Array:
        """``bool[..., V, D]``: value ``v`` of variable ``i`` is possible."""
        known = self._known()
        if known is not None:
            return jax.device_put(known)
        return bits.unpack(bits.as_lanes(self.lanes), self.size)

    @property
    def sizes(self) -> jax.Array:
        """``int32[..., V]``: the number of possible values of each variable."""
        known = self._known()
        if known is not None:
            return jax.device_put(known.sum(axis=-1, dtype=np.int32))
        return bits.popcount(bits.as_lanes(self.lanes))

    @property
    def assigned(self) -> jax.Array:
        """``bool[..., V]``: exactly one value is left."""
        known = self._known()
        if known is not None:
            return jax.device_put(known.sum(axis=-1) == 1)
        return self.sizes == 1

    @property
    def wiped_out(self) -> jax.Array:
        """``bool[...]``: some variable has no value left."""
        known = self._known()
        if known is not None:
            return jax.device_put(~known.any(axis=-1).all(axis=-1))
        return jnp.any(self.sizes == 0, axis=-1)

    @property
    def values(self) -> jax.Array:
        """``int32[..., V]``: the index of each variable's lowest possible value; -1 where empty."""
        known = self._known()
        if known is not None:
            lowest = np.where(known.any(axis=-1), known.argmax(axis=-1), -1)
            return jax.device_put(lowest.astype(np.int32))
        return bits.lowest(bits.as_lanes(self.lanes))

    def _known(self) -> np.ndarray | None:
        """The mask as NumPy's array, where the lanes are few and can be looked at."""
        lanes = bits.as_lanes(self.lanes)
        return bits.unpack_host(np.asarray(lanes), self.size) if _at_hand(lanes) else None

    def __and__(self, other: "Domains") -> "Domains":
        """The values possible in both."""
        if self.size != other.size:
            raise ValueError(f"domains over {self.size} and {other.size} values do not intersect")
        first, second = bits.as_lanes(self.lanes), bits.as_lanes(other.lanes)
        if _at_hand(first, second):
            return Domains(lanes=_held(np.asarray(first) & np.asarray(second)), size=self.size)
        with jax.enable_x64(True):
            return Domains(lanes=first & second, size=self.size)

    def __iter__(self) -> Iterator["Domains"]:
        """The instances of a batch ``uint64[B, V, W]``, one by one."""
        return (Domains(lanes=lane, size=self.size) for lane in self.lanes)


def _at_hand(*arrays: jax.Array | np.ndarray) -> bool:
    """Whether arrays are small and can be looked at: NumPy then spares a program for each shape."""
    return concrete(arrays) and all(x.size <= SMALL for x in arrays)


def _held(lanes: np.ndarray) -> jax.Array:
    with jax.enable_x64(True):
        return jax.device_put(lanes)
