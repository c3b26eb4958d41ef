"""Formulas in conjunctive normal form as networks, with a variable over False and True for each.

Large formulas have 10⁵ clauses and more, so a clause skips the declaration by literals that
`Clause` offers to people, and compiles to the same relation.
"""

import dataclasses
import functools
from collections.abc import Hashable, Sequence
from typing import NamedTuple

import numpy as np

from neurosym.io.dimacs import Cnf
from neurosym.problems import Network, Problem, Variable
from neurosym.problems.constraints.clause import ClauseRelation
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.relation import Placed
from neurosym.problems.network import build_network

MAX_VARIABLES = 2_000_000
"""Of a formula; its declaration alone takes a minute."""


class Formula(NamedTuple):
    """A formula, ready to be solved.

    A network's variable n - 1 is the formula's variable n. A network has at least one variable, so
    a formula without any gets one that has one value.
    """

    network: Network  # the clauses of two literals and more
    domains: np.ndarray  # bool[V, 2]: what single literals leave of False and True; empty clauses
    # leave nothing


def cnf_formula(cnf: Cnf) -> Formula:
    """The network of a formula, and the domains to start from.

    >>> from neurosym.io import parse_dimacs
    >>> formula = cnf_formula(parse_dimacs("p cnf 2 2  \\n1 2 0\\n-1 0"))
    >>> formula.domains.tolist()
    [[True, False], [True, True]]
    """
    if cnf.variables > MAX_VARIABLES:
        raise ValueError(
            f"a formula of {cnf.variables:,} variables is too large for this search, which takes "
            f"{MAX_VARIABLES:,}"
        )
    problem = Problem()
    variables = [problem.variable(str(n + 1), domain=(False, True)) for n in range(cnf.variables)]
    if not variables:
        variables.append(problem.variable("none", domain=(False,)))
    domains = np.ones((len(variables), len(variables[0].domain)), np.bool_)
    clauses = []
    for literals in cnf:
        distinct = dict.fromkeys(literals)
        if any(-literal in distinct for literal in distinct):
            continue  # It is always true.
        if len(distinct) > 1:
            scope = tuple(variables[abs(literal) - 1] for literal in distinct)
            clauses.append(CnfClause(scope, tuple(distinct)))
        elif distinct:
            (literal,) = distinct
            domains[abs(literal) - 1, int(literal < 0)] = False
        else:
            domains[:] = False
    return Formula(build_network(variables, clauses), domains)


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class CnfClause(Constraint):
    """Some literal holds.

    Attributes:
      scope: distinct variables of the domain (False, True).
      literals: a positive number says that the variable in the same place is true, a negative one
        that it is false.
    """

    scope: tuple[Variable, ...]
    literals: tuple[int, ...]

    def check(self, values: Sequence[Hashable]) -> bool:
        return any(
            value == (literal > 0) for value, literal in zip(values, self.literals, strict=True)
        )

    def compile(self) -> tuple[Placed, ...]:
        return self.place(_clause(tuple([literal > 0 for literal in self.literals])))


@functools.lru_cache(maxsize=2**12)
def _clause(signs: tuple[bool, ...]) -> ClauseRelation:
    masks = tuple([2 if positive else 1 for positive in signs])
    return ClauseRelation(sizes=(2,) * len(signs), masks=masks, every=False)
