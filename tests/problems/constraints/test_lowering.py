"""Lowerings: their masks multiply to the constraint, and engines name their labels."""

import numpy as np
import pytest
from every_kind import one_of_each

import neurosym as ns
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.lowering import DenseLowering, Lowering, chain_labels

COUNT = 16


def constraints():
    problem = ns.Problem()
    x = list(problem.variables("x", shape=4, domain=range(4)))
    return one_of_each(x, problem.variable("c", domain=(0, 1)))


@pytest.mark.parametrize("n", range(COUNT))
def test_masks_multiply_to_what_is_allowed(n):
    """Summed over hidden indices they are 1 where the constraint holds, and 0 elsewhere."""
    assert len(constraints()) == COUNT
    relation = joined(constraints()[n])
    lowering = relation.lower(frozenset())
    masks = lowering.constant_masks(relation.sizes)
    assert all(mask.dtype == np.bool_ for mask in masks)
    number = {label: k for k, label in enumerate([*range(len(relation.sizes)), *lowering.sizes])}
    operands = []
    for mask, labels in zip(masks, lowering.labels, strict=True):
        operands += [mask.astype(int), [number[label] for label in labels]]
    found = np.einsum(*operands, list(range(len(relation.sizes))))
    wanted = [relation.allows(index) for index in np.ndindex(*relation.sizes)]
    np.testing.assert_array_equal(found.ravel(), wanted)
    # The general way, which asks for tensors in the Boolean semiring, finds the same ones.
    for mask, other in zip(masks, Lowering.constant_masks(lowering, relation.sizes), strict=True):
        np.testing.assert_array_equal(mask, other)


def test_names_that_an_engine_gives():
    lowering = DenseLowering(chain_labels(3), lambda: [], {("state", 1): 2, ("state", 2): 3})
    labels, sizes = lowering.renamed((7, 2, 5), ("constraint", 4))
    first, second = (("constraint", 4, ("state", k)) for k in (1, 2))
    assert labels == ((7, first), (first, 2, second), (second, 5))
    assert sizes == {first: 2, second: 3}
