"""`CPM_neurosym`: the hard engine behind CPMpy's solver interface.

It follows CPMpy's template for solvers, in its order: construct, solve, variables, objective,
transform and add, all solutions. Constraints may be added between two calls; a network is compiled
when it is asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from neurosym._version import __version__
from neurosym.languages.cpmpy import library as lib
from neurosym.languages.cpmpy.translation import SUPPORTED, SUPPORTED_REIFIED, Translator
from neurosym.languages.search import (
    Outcome,
    best_solution,
    every_solution,
    first_solution,
    number_of_solutions,
)
from neurosym.problems import Network, Problem, Variable

Mask = np.ndarray


class CPM_neurosym(lib.SolverInterface):
    """A CPMpy solver; ``CPM_neurosym(model).solve(time_limit=10)``.

    >>> import cpmpy as cp
    >>> x = cp.intvar(0, 9, shape=3, name="x")
    >>> solver = CPM_neurosym(cp.Model(cp.AllDifferent(x), cp.sum(x) == 24))
    >>> solver.solve(), sorted(x.value().tolist())
    (True, [7, 8, 9])

    Args:
      cpm_model: a CPMpy model, or None.
      subsolver: None.
    """

    supported_global_constraints = SUPPORTED
    supported_reified_global_constraints = SUPPORTED_REIFIED

    @staticmethod
    def supported() -> bool:
        """Always: it is a part of neurosym."""
        return True

    @classmethod
    def version(cls) -> str:
        """That of neurosym."""
        return __version__

    def __init__(self, cpm_model: Any = None, subsolver: None = None) -> None:
        if subsolver is not None:
            raise ValueError(f"neurosym has no subsolver {subsolver!r}")
        self._translator = Translator()
        self._objective: tuple[dict[Variable, int], int] | None = None
        self._minimize = True
        self._hint: dict[Any, int] = {}
        self._assumptions: list[Any] = []
        self._core: list[Any] | None = None
        self._network: Network | None = None
        self._size = (0, 0)
        super().__init__(name="neurosym", cpm_model=cpm_model)

    @property
    def native_model(self) -> Problem:
        """The `Problem`."""
        return self._translator.problem

    def solve(
        self,
        time_limit: float | None = None,
        assumptions: Iterable[Any] | None = None,
        display: Any = None,
        **options: Any,
    ) -> bool:
        """Finds a solution, or the best one where there is an objective.

        Args:
          time_limit: seconds, after which the status says what was found; at 0 nothing is
            searched. The compiling of a program cannot be interrupted and counts.
          assumptions: Booleans, or their negations, that are to be true in this call; `get_core`
            says afterwards which of them were too many.
          display: expressions to print, or a function to call, at each better solution.
          **options: ``node_limit`` of the search.

        Returns:
          Whether a solution was found; `status` says whether it is proven best.
        """
        begin = time.monotonic()
        node_limit = options.pop("node_limit", None)
        if options:
            raise lib.NotSupportedError(f"neurosym has no option {next(iter(options))!r}")
        self._assumptions = [] if assumptions is None else list(assumptions)
        self._core = None
        deadline = _deadline(begin, time_limit)
        network = self._compiled()
        domains = self._assumed(network, self._assumptions)
        preferred = self._preferred(network)

        def show(values: np.ndarray) -> None:
            self._fill(network, values)
            self.print_display(display)

        shown = None if display is None else show
        if domains is None:
            outcome = Outcome("UNSATISFIABLE", None, None)
        elif self._objective is None:
            outcome = first_solution(network, domains, deadline, preferred, node_limit)
            if shown and outcome.assignment is not None:
                shown(outcome.assignment)
        else:
            outcome = best_solution(
                network, domains, *self._goal(network), deadline, preferred, node_limit, shown
            )
        self._conclude(outcome, network, begin)
        if outcome.status == "UNSATISFIABLE" and self._assumptions:
            self._core = self._shrunk(network, deadline)
        return self._solve_return(self.cpm_status)

    def solveAll(
        self,
        display: Any = None,
        time_limit: float | None = None,
        solution_limit: int | None = None,
        call_from_model: bool = False,
        **options: Any,
    ) -> int:
        """Finds all solutions, and prints or calls ``display`` at each of them.

        Args:
          display: expressions to print, or a function to call.
          time_limit: seconds.
          solution_limit: solutions after which it stops.
          call_from_model: as CPMpy has it; it makes no difference here.
          **options: none.

        Returns:
          How many were found; the status is OPTIMAL where these are all of them.
        """
        begin = time.monotonic()
        if options:
            raise lib.NotSupportedError(f"neurosym has no option {next(iter(options))!r}")
        if self.has_objective():
            raise lib.NotSupportedError(
                "neurosym does not find all optimal solutions: solve, constrain the objective to "
                "its value, and ask without an objective"
            )
        deadline = _deadline(begin, time_limit)
        network = self._compiled()
        users = [network.index(self._translator.variable(x)) for x in self._users()]
        found = 0
        last: np.ndarray | None = None
        exhausted = False
        if display is None and solution_limit is None:
            # Nothing is kept of them but their number: auxiliary variables follow from the user's.
            found, exhausted = number_of_solutions(network, deadline)
            if found:
                last = first_solution(
                    network, np.asarray(network.mask), None, None, None
                ).assignment
            return self._concluded(found, exhausted, last, network, begin)
        for values in every_solution(network, users, deadline):
            if values is None:
                exhausted = True
                break
            found, last = found + 1, values
            if display is not None:
                self._fill(network, values)
                self.print_display(display)
            if found == solution_limit:
                break
        return self._concluded(found, exhausted, last, network, begin)

    def solver_var(self, cpm_var: Any) -> Any:
        """The `Variable` of a CPMpy variable; an expression for a negated Boolean."""
        if isinstance(cpm_var, lib.NegBoolView):
            return 1 - self._translator.variable(cpm_var._bv)
        if isinstance(cpm_var, lib._NumVarImpl):
            self._varmap[cpm_var.name] = self._translator.variable(cpm_var)
            return self._varmap[cpm_var.name]
        if lib.is_int(cpm_var):
            return int(cpm_var)
        raise NotImplementedError(f"Not a known var {cpm_var}")

    def objective(self, expr: Any, minimize: bool = True) -> None:
        """Sets the expression to minimise, or to maximise; the last one counts."""
        self._declare(expr)
        self._objective = self._translator.objective(expr, bool(minimize))
        self._minimize = bool(minimize)
        self._network = None

    def has_objective(self) -> bool:
        """Whether there is something to minimise or maximise."""
        return self._objective is not None

    def transform(self, cpm_expr: Any) -> list[Any]:
        """CPMpy's constraints as flat ones that have a translation."""
        return self._translator.transform(cpm_expr)

    def add(self, cpm_expr: Any) -> CPM_neurosym:
        """Adds constraints of CPMpy."""
        self._declare(cpm_expr)
        self._translator.post(cpm_expr)
        return self

    __add__ = add

    def solution_hint(self, cpm_vars: Sequence[Any], vals: Sequence[Any]) -> None:
        """Values that the search tries first; empty lists clear them."""
        pairs = list(zip(_flat(cpm_vars), _flat(vals), strict=True))
        if not pairs:
            self._hint = {}
        for variable, value in pairs:
            self._hint[variable] = int(value)

    def get_core(self) -> list[Any]:
        """Assumptions of the last call that cannot all be true; none of them can be left out."""
        if self._core is None:
            raise ValueError("get_core(): the last call had no assumptions, or was satisfiable")
        return self._core

    # Helpers.

    def _declare(self, expression: Any) -> None:
        variables = lib.get_variables(expression)
        self.user_vars.update(variables)
        self._translator.declare(variables)

    def _users(self) -> list[Any]:
        self._translator.declare(sorted(self.user_vars, key=lambda x: x.name))
        return [x for x in self._translator.users.values() if x in self.user_vars]

    def _compiled(self) -> Network:
        self._users()
        problem = self._translator.problem
        if not problem.declared:
            problem.variable("nothing", domain=(0,))
        size = (len(problem.declared), len(problem.constraints))
        if self._network is None or self._size != size:
            self._network, self._size = problem.compile(), size
        return self._network

    def _assumed(self, network: Network, assumptions: Sequence[Any]) -> Mask | None:
        """The domains under assumptions; None where they leave a variable nothing."""
        mask = np.array(network.mask)
        for literal in assumptions:
            if isinstance(literal, bool | np.bool_ | lib.BoolVal):
                if not bool(literal if not isinstance(literal, lib.BoolVal) else literal.value()):
                    return None
                continue
            negated = isinstance(literal, lib.NegBoolView)
            variable = literal._bv if negated else literal
            if not isinstance(variable, lib._BoolVarImpl):
                raise ValueError(f"an assumption is a Boolean or its negation, not {literal}")
            row = network.index(self._translator.variable(variable))
            mask[row, 1 if negated else 0] = False
        return mask if mask.any(axis=1).all() else None

    def _preferred(self, network: Network) -> np.ndarray | None:
        """``float32[V, D]``: weights of the values that a hint names."""
        if not self._hint:
            return None
        weights = np.zeros(network.mask.shape, np.float32)
        for variable, value in self._hint.items():
            if isinstance(variable, lib.NegBoolView):
                variable, value = variable._bv, 1 - value
            row = network.index(self._translator.variable(variable))
            domain = network.structure.domains[row]
            if value in domain:
                weights[row, domain.index(value)] = 1
        return weights

    def _goal(self, network: Network) -> tuple[dict[int, int], int, bool]:
        assert self._objective is not None
        coefficients, constant = self._objective
        return {x.index: c for x, c in coefficients.items()}, constant, self._minimize

    def _fill(self, network: Network, values: np.ndarray | None) -> None:
        for given in self.user_vars:
            if values is None:
                given.clear()
                continue
            row = network.index(self._translator.variable(given))
            value = network.structure.domains[row][int(values[row])]
            given._value = bool(value) if given.is_bool() else value

    def _concluded(
        self,
        found: int,
        exhausted: bool,
        last: np.ndarray | None,
        network: Network,
        begin: float,
    ) -> int:
        """The number of solutions, after the status was set."""
        status = "OPTIMAL" if found else "UNSATISFIABLE"
        if not exhausted:
            status = "FEASIBLE" if found else "UNKNOWN"
        self._conclude(Outcome(status, last, None), network, begin)
        return found

    def _conclude(self, outcome: Outcome, network: Network, begin: float) -> None:
        self.cpm_status = lib.SolverStatus(self.name)
        self.cpm_status.solve_time = time.monotonic() - begin
        self.cpm_status.exitstatus = lib.ExitStatus[outcome.status]
        self._fill(network, outcome.assignment)
        self.objective_value_ = outcome.objective

    def _shrunk(self, network: Network, deadline: float | None) -> list[Any]:
        """A part of the assumptions that is too much and of which none can be left out."""
        core = list(self._assumptions)
        for literal in self._assumptions:
            fewer = [x for x in core if x is not literal]
            domains = self._assumed(network, fewer)
            if domains is None:
                core = fewer
                continue
            if first_solution(network, domains, deadline, None, None).status == "UNSATISFIABLE":
                core = fewer
        return core


def _deadline(begin: float, time_limit: float | None) -> float | None:
    if time_limit is None:
        return None
    if not time_limit >= 0:
        raise ValueError(f"a time limit is a number of seconds from 0 up, not {time_limit}")
    return begin + float(time_limit)


def _flat(given: Any) -> list[Any]:
    if lib.is_any_list(given):
        return [x for part in given for x in _flat(part)]
    return [given]
