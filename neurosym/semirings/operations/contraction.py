"""The contraction of two arrays: ``c[g, i, k] = ⊕_j a[g, i, j] ⊗ b[g, j, k]`` in any semiring.

    a = [[0, 2]], b = [[5], [1]]           # one row and one column; j takes two values
    REAL:      0 × 5 + 2 × 1 = 2           # a matrix product
    LOG:       log(e^(0+5) + e^(2+1))      # a matrix product of exponentials, shifted
    MIN_PLUS:  min(0 + 5, 2 + 1) = 3       # folded one j after another: nothing is laid out
    COUNTING:  0 × 5 + 2 × 1 = 2           # terms laid out and reduced, a block of j at a time

Where the semiring has real coordinates this is one real matrix product at highest precision, so it
runs on matrix units (`neurosym.semirings.operations.contraction_in_reals`). Any other semiring, and
any product with a single row or column, goes through its terms
(`neurosym.semirings.operations.contraction_by_terms`). So does a small product in coordinates that
need a shift and a check: a network is contracted in dozens of them, and the terms alone are a third
of the program.

Everything else (`neurosym.semirings.operations.einsum`, the engines) brings its arrays into this
form.
"""

from neurosym.semirings.algebra import elements, rule
from neurosym.semirings.algebra.elements import Elements
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.contraction_by_terms import Contraction, SelectiveContraction
from neurosym.semirings.operations.contraction_in_reals import RealContraction
from neurosym.semirings.operations.terms import few

FEW_PRODUCTS = 2**11
"""Terms ``g × i × j × k`` up to which one exact reading is compiled instead of a scaled one, its
check and the exact one."""

FEW_PER_ENTRY = 5
"""How many terms for each entry of operands and result are few: the exact reading takes an
exponential of each term, the scaled one an exponential or a logarithm of each entry."""


def contract(semiring: Semiring, a: Elements, b: Elements) -> Elements:
    """``c[g, i, k] = ⊕_j a[g, i, j] ⊗ b[g, j, k]``, differentiable by the rule.

    Args:
      semiring: the algebra.
      a: elements ``[G, I, J]``.
      b: elements ``[G, J, K]``.

    Returns:
      Elements ``[G, I, K]``.
    """
    groups, rows, length = elements.shape(semiring, a)
    columns = elements.shape(semiring, b)[2]
    coordinates = semiring.coordinates
    if coordinates is not None and rows > 1 and columns > 1:
        if coordinates.shifted and _has_few_products(groups, rows, length, columns):
            return rule.apply(Contraction(semiring), a, b)
        return rule.apply(RealContraction(semiring), a, b)
    plain = not elements.is_structured(semiring) and semiring.dtype == "float"
    if semiring.selective and plain and not few(a, b):
        return rule.apply(SelectiveContraction(semiring), a, b)
    return rule.apply(Contraction(semiring), a, b)


def _has_few_products(groups: int, rows: int, length: int, columns: int) -> bool:
    terms = rows * length * columns
    entries = rows * length + length * columns + rows * columns
    return groups * terms <= FEW_PRODUCTS and terms <= FEW_PER_ENTRY * entries
