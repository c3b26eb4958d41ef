"""`Prepared`: a network as the programs of the hard engine take it, outside of every trace.

    8 queens: 8 variables of 8 values    ─▶  9 of 9, 3 all-differents in rows of 9
    9 queens: 9 variables of 9 values    ─▶  the same shapes, so nothing is compiled

A small network is laid out once more in sizes that it shares with others
(`neurosym.problems.constraints.rounding`): further variables have one value and no constraint,
further values are in no domain. A large network is taken as it is, since filling it up would cost
more at every step than a program costs once; and a small network whose searches take long, one or
all together, is searched in its own form. A batch of few instances is filled up, too, with
instances that have no values.

Inside of a trace none of this is used: there the shapes are those of the caller's program.
"""

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

import jax
import numpy as np

from neurosym.bits import lanes as bits
from neurosym.hard import rounds
from neurosym.hard.branching import HEURISTICS, Heuristic
from neurosym.hard.nodes import Layout, most_nodes
from neurosym.problems.constraints.rounding import round_up
from neurosym.problems.network import Network, rounded_arrays
from neurosym.transforms.concrete import concrete

Found = TypeVar("Found")

MOST_DOMAINS = 512
"""Variables times values of a network that is filled up: 9x9 sudokus, at 729, are not."""

MOST_ELEMENTS = 2**16
"""Of the arrays of its constraints."""

FEW_STEPS = 256
"""Steps of a search in sizes that others share, a fraction of a second. What takes longer is begun
again in the sizes that it has: that program is worth its time."""

MANY_STEPS = 2**11
"""Steps of all searches of a network in sizes that others share, after which it is searched in its
own: about as much time as its own program takes to compile. Of 12 queens a count takes 104 ms in
shared sizes and 30 ms in its own."""

MOST_STEPS = 2**31 - 1

FEW = 64
"""Instances that are searched in programs that batches of other lengths share."""


@dataclasses.dataclass
class Spent:
    """The steps that the searches of a network have taken in one form; grows."""

    steps: int = 0


class Prepared(NamedTuple):
    """The arrays of a network, and what it takes to move data in and out."""

    constraints: rounds.Constraints
    layout: Layout  # of a node, with all variables
    size: int  # values, with those that are in no domain
    variables: int  # V of the network
    steps: int  # that a search may take in this form
    spent: Spent
    filled: bool = False  # it has variables, values or rows that the network lacks

    def lanes(self, lanes: Any) -> np.ndarray:
        """Domains ``uint64[..., V, W]`` as ``[N, V', W']`` of the layout, N filled up."""
        given = np.asarray(lanes)
        given = given.reshape(-1, *given.shape[-2:])
        layout = self.layout
        filled = np.zeros((batch_of(len(given)), layout.variables, layout.words), layout.dtype)
        filled[: len(given), self.variables :, 0] = 1
        filled[: len(given), : self.variables] = given
        return filled

    def weights(self, weights: Any, fill: float) -> np.ndarray:
        """``float[..., V, D]`` as ``[..., V', D']``; ``fill`` for variables that are new."""
        given = np.asarray(weights)
        given = given if given.dtype == np.float64 else given.astype(np.float32)
        shape = (*given.shape[:-2], self.layout.variables, self.size)
        filled = np.full(shape, fill, given.dtype)
        filled[..., : self.variables, : given.shape[-1]] = given
        return filled


def batch_of(instances: int) -> int:
    """The length of the batch that so many instances are filled up to."""
    return next(length for length in (1, 8, FEW) if instances <= length)


def few(network: Network, instances: int) -> bool:
    """Whether these are at most `FEW` instances of a network that can be looked at."""
    return 0 < instances <= FEW and concrete(network)


def prepare(network: Network, *, own: bool = False) -> Prepared:
    """The network in shapes that others share, if it is small, or in its own; made once."""
    kept = vars(network).setdefault("_prepared", {})
    if own not in kept:
        shared = not own and _small(network)
        kept[own] = _filled_up(network) if shared else _as_it_is(network)
    return kept[own]


class TakesLong(Exception):
    """A search was not at its end after the steps that it may take in the form that it has."""


def in_a_form(
    network: Network, heuristic: Heuristic | None, search: Callable[[Prepared], Found]
) -> Found:
    """What a search finds in the form that others share, or, where that takes long, in its own.

    A heuristic of the user's own may know how many variables there are, so they stay as many.
    """
    if heuristic is None or heuristic in HEURISTICS.values():
        form = prepare(network)
        if form.steps == MOST_STEPS or form.spent.steps < MANY_STEPS:
            with contextlib.suppress(TakesLong):
                return search(form)
    return search(prepare(network, own=True))


def _small(network: Network) -> bool:
    if network.variables * network.size > MOST_DOMAINS:
        return False
    arrays = jax.tree.leaves((network.groups, network.coupled))
    return sum(array.size for array in arrays) <= MOST_ELEMENTS


def _as_it_is(network: Network) -> Prepared:
    layout = layout_of(network.variables, network.size, network.groups)
    constraints = rounds.constraints_of(network)
    return Prepared(constraints, layout, network.size, network.variables, MOST_STEPS, Spent())


def _filled_up(network: Network) -> Prepared:
    variables, size = round_up(network.variables), round_up(network.size)
    if size > bits.WORD >= network.size:
        size = bits.WORD
    arrays = rounded_arrays(network.structure, size, variables)
    constraints = rounds.as_arrays(rounds.Constraints(*arrays))
    layout = layout_of(variables, size, arrays[0])
    return Prepared(constraints, layout, size, network.variables, FEW_STEPS, Spent(), True)


def layout_of(variables: int, size: int, propagators: Iterable[Any] = ()) -> Layout:
    """How a node of so many variables of so many values lies in narrow lanes."""
    dtype = bits.lane_dtype(size)
    words = bits.word_count(size, dtype.itemsize * 8)
    return Layout(variables, words, dtype.name, most_nodes(propagators))


def on_device(found: np.ndarray, batch: tuple[int, ...]) -> jax.Array:
    """The first entries of ``found``, one an instance, in the shape of the batch."""
    count = math.prod(batch)
    with jax.enable_x64(True):
        return jax.device_put(found[:count].reshape((*batch, *found.shape[1:])))
