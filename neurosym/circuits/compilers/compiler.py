"""`Compiler`: a function from a formula to a deterministic graph."""

from __future__ import annotations

from typing import Protocol

from neurosym.circuits.formula import Formula
from neurosym.circuits.graph import Graph


class Compiler(Protocol):
    """A function from a formula to a graph; any callable of this form is a compiler.

    The formula has at least one variable; a clause may be empty or name a variable twice.

    The graph must

    - have the models of the formula, all of them and no others, over the same variables with the
      same numbers; it need not name a variable that is free;
    - be decomposable: the parts of an "and" share no variable. The library checks this;
    - be deterministic: no model satisfies two branches of an "or". This is *taken on trust*, since
      it cannot be checked in general: branches that overlap make sums too large without a word.
      `neurosym.testing.check_compiler` compares with brute force.

    It need not be smooth, and children come before their parents (`GraphBuilder` makes it so). An
    unsatisfiable formula is a graph whose root is false. A compiler that needs a package which is
    not installed raises an ImportError that says how to install it, when it is made or called. It
    prints nothing.

    >>> import itertools
    >>> import neurosym as ns
    >>> def enumerate_models(formula):
    ...     graph = ns.circuits.GraphBuilder(formula.variables)
    ...     models = []
    ...     for signs in itertools.product((1, -1), repeat=formula.variables):
    ...         model = [sign * v for v, sign in enumerate(signs, start=1)]
    ...         if all(set(clause) & set(model) for clause in formula.clauses):
    ...             models.append(graph.conjoin([graph.literal(literal) for literal in model]))
    ...     return graph.finish(graph.disjoin(models))
    >>> problem = ns.Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(2))
    >>> problem.add(x < y)
    >>> ns.compile_circuit(problem.compile(), compiler=enumerate_models).terms
    1
    """

    def __call__(self, formula: Formula, /) -> Graph:
        """The graph of a formula."""
        ...
