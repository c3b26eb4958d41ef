"""Flat constraints of CPMpy as constraints of a `Problem`, one by one.

    CPMpy                       after its own transformations        here
    (x > 3) | (y * z == 4)      (x > 3) == BV0                       Reified(BV0, x > 3)
                                y * z == IV0, (IV0 == 4) == BV1      Table((y, z, IV0), ...)
                                BV0 | BV1                            Clause((BV0, BV1))

CPMpy flattens, decomposes and reifies; each line that is left names one constraint of ours. The
variables that the user wrote come first and keep their names. Auxiliary variables follow from them,
so that each solution counts once.
"""

from __future__ import annotations

import itertools
import math
import numbers
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from neurosym import problems
from neurosym.languages.cpmpy import library as lib
from neurosym.languages.cpmpy.functions import FUNCTIONS
from neurosym.languages.cpmpy.globals import NAMES, Globals
from neurosym.languages.cpmpy.sums import Sum
from neurosym.problems import (
    AllDifferent,
    Automaton,
    Clause,
    Count,
    Element,
    Implies,
    Inverse,
    Member,
    Predicate,
    Problem,
    Regular,
    Reified,
    Table,
    Variable,
)
from neurosym.problems.constraints.clause import Conjunction
from neurosym.problems.constraints.comparison import COMPARISONS
from neurosym.problems.constraints.constraint import Constraint
from neurosym.problems.constraints.extremum import Extremum

MAX_VALUES = 2**17
"""Of one variable: its domain is listed."""

MAX_ROWS = 2**20
"""Of a function that is listed: combinations of the values of its arguments."""

SUPPORTED = frozenset(
    {"alldifferent", "table", "negative_table", "inverse", "regular", "indomain"}
    | {"element", "count", "among", "nvalue", "min", "max", *FUNCTIONS, *NAMES}
)
"""Global constraints and functions of CPMpy that become one constraint; CPMpy decomposes others."""

SUPPORTED_REIFIED = frozenset({"table", "negative_table", "regular", "indomain", *NAMES})
"""Those that may be compared with a Boolean variable: they have a negation."""


def problem_of(model: Any) -> Problem:
    """A CPMpy model as a `Problem`.

    The variables of the model come first, in the order in which its constraints name them, each by
    its name; Booleans have the values 0 and 1. Auxiliary variables of CPMpy's transformations
    follow. Their values follow from the others, so counts and totals are those of the model, if
    their weights are the semiring's one.

    Raises:
      ValueError: for what is not a CPMpy model.
      NotSupportedError, NotImplementedError: of CPMpy, for a kind of expression that has no
        translation, with its name.
    """
    if not isinstance(model, lib.cp.Model):
        raise ValueError(f"{model!r} is not a CPMpy model (cpmpy.Model)")
    translator = Translator()
    translator.add(model.constraints)
    if model.objective_ is not None:
        translator.objective(model.objective_, model.objective_is_min)
    return translator.problem


class Translator:
    """A `Problem` that grows as constraints of CPMpy are added.

    Attributes:
      problem: what they have become.
      users: the variables that the user named, by name, in the order of their appearance.
    """

    def __init__(self) -> None:
        self.problem = Problem()
        self.users: dict[str, Any] = {}
        self._known = lib.cp.transformations.cse.CSEMap()
        self._variables: dict[str, Variable] = {}
        self._numbers: dict[int, Variable] = {}
        self._opposites: dict[str, Variable] = {}
        self._globals = Globals(self._own, self._copy)

    def transform(self, expressions: Any) -> list[Any]:
        """Any constraints of CPMpy as flat ones."""
        return lib.flattened(expressions, SUPPORTED, SUPPORTED_REIFIED, self._known)

    def add(self, expressions: Any) -> None:
        """Adds constraints as a user writes them."""
        self.declare(lib.get_variables(expressions))
        self.post(expressions)

    def post(self, expressions: Any) -> None:
        """Adds constraints whose further variables are auxiliary."""
        for flat in self.transform(expressions):
            self._post(flat)

    def declare(self, variables: Iterable[Any]) -> None:
        """Declares variables of the user."""
        for variable in variables:
            self.users.setdefault(variable.name, variable)
            self.variable(variable)

    def objective(self, expression: Any, minimize: bool) -> tuple[dict[Variable, int], int]:
        """Makes an integer expression the objective of the problem; the last one counts.

        Returns:
          The expression as coefficients of variables and a constant.
        """
        if isinstance(expression, lib.FloatSum):
            raise lib.NotSupportedError(
                f"an objective with coefficients that are not integers: {expression}"
            )
        if not isinstance(expression, lib.Expression):
            return self._set_objective({}, self._integer(expression), minimize)
        self.declare(lib.get_variables(expression))
        total, constraints = lib.flattened_objective(
            expression, SUPPORTED, SUPPORTED_REIFIED, self._known
        )
        self.post(constraints)
        return self._set_objective(*self._sum(total), minimize)

    def _set_objective(
        self, coefficients: dict[Variable, int], constant: int, minimize: bool
    ) -> tuple[dict[Variable, int], int]:
        terms: Any = coefficients or {self._own(0): 1}
        expression = sum((c * variable for variable, c in terms.items()), constant)
        (self.problem.minimize if minimize else self.problem.maximize)(expression)
        return coefficients, constant

    def variable(self, given: Any) -> Variable:
        """The variable for one of CPMpy, which is declared where it is new."""
        name = given.name
        if name not in self._variables:
            domain: Sequence[int] = (0, 1) if given.is_bool() else range(given.lb, given.ub + 1)
            if len(domain) > MAX_VALUES:
                raise lib.NotSupportedError(
                    f"variable {name} has {len(domain):,} values, from {domain[0]:,} to "
                    f"{domain[-1]:,}; at most {MAX_VALUES:,} are listed"
                )
            self._variables[name] = self.problem.variable(name, domain=domain)
        return self._variables[name]

    # Terms.

    def _own(self, given: Any) -> Variable:
        """A variable for a variable, a negated Boolean or a number."""
        if isinstance(given, lib.NegBoolView):
            name = given._bv.name
            if name not in self._opposites:
                opposite = self._fresh(f"not {name}", (0, 1))
                self.problem.add(opposite + self.variable(given._bv) == 1)
                self._opposites[name] = opposite
            return self._opposites[name]
        if isinstance(given, lib._NumVarImpl):
            return self.variable(given)
        number = self._integer(given)
        if number not in self._numbers:
            self._numbers[number] = self._fresh(f"the number {number}", (number,))
        return self._numbers[number]

    def _fresh(self, name: str, domain: Sequence[int]) -> Variable:
        taken = {variable.name for variable in self.problem.declared}
        names = itertools.chain([name], (f"{name} ({n})" for n in itertools.count(2)))
        return self.problem.variable(next(x for x in names if x not in taken), domain=domain)

    def _integer(self, given: Any) -> int:
        if isinstance(given, lib.BoolVal):
            return int(given.value())
        if isinstance(given, numbers.Integral) or (hasattr(given, "dtype") and lib.is_int(given)):
            return int(given)
        raise lib.NotSupportedError(f"{given!r} is not an integer or a variable")

    def _sum(self, given: Any) -> tuple[dict[Variable, int], int]:
        """A flat numerical expression as coefficients and a constant."""
        coefficients: dict[Variable, int] = {}
        constant = 0
        for factor, part in self._terms(given):
            if isinstance(part, lib.NegBoolView):
                constant += factor
                variable, factor = self.variable(part._bv), -factor
            elif isinstance(part, lib._NumVarImpl):
                variable = self.variable(part)
            else:
                constant += factor * self._integer(part)
                continue
            coefficients[variable] = coefficients.get(variable, 0) + factor
        return {variable: c for variable, c in coefficients.items() if c}, constant

    def _terms(self, given: Any) -> Iterator[tuple[int, Any]]:
        name = getattr(given, "name", "")
        if isinstance(given, lib._NumVarImpl) or not isinstance(given, lib.Expression):
            yield 1, given
        elif name == "sum":
            yield from ((1, part) for part in given.args)
        elif name == "wsum":
            for factor, part in zip(*given.args, strict=True):
                yield self._integer(factor), part
        elif name == "sub":
            yield 1, given.args[0]
            yield -1, given.args[1]
        elif name == "-":
            yield -1, given.args[0]
        elif name == "mul" and lib.is_int(given.args[0]):
            yield int(given.args[0]), given.args[1]
        elif isinstance(given, lib.BoolVal):
            yield 1, given
        else:
            raise lib.NotSupportedError(f"{name} in a sum: {given}")

    # Constraints.

    def _post(self, flat: Any) -> None:
        """Adds one flat constraint."""
        if isinstance(flat, lib.DirectConstraint):
            flat.callSolver(_Variables(self), _Constraints(self.problem))
            return
        made = self._boolean(flat)
        if made is False:
            # No assignment: a variable of one value is to have another.
            self.problem.add(self._own(0) == 1)
        elif made is not True:
            self.problem.add(made)

    def _boolean(self, flat: Any) -> Constraint | bool:
        """A flat Boolean expression as a constraint; a bool where its truth is known."""
        if isinstance(flat, lib.BoolVal):
            return bool(flat.value())
        if isinstance(flat, bool):
            return flat
        if isinstance(flat, lib.NegBoolView):
            return self.variable(flat._bv) == 0
        if isinstance(flat, lib._BoolVarImpl):
            return self.variable(flat) == 1
        if isinstance(flat, lib.Comparison):
            return self._comparison(flat)
        if isinstance(flat, lib.Operator) and flat.name in ("or", "and"):
            return self._junction(flat)
        if isinstance(flat, lib.Operator) and flat.name == "->":
            return self._implication(*map(self._boolean, flat.args))
        if isinstance(flat, lib.Operator) and flat.name == "not":
            return self._negated(self._boolean(flat.args[0]))
        if isinstance(flat, lib.GlobalConstraint):
            if flat.name in NAMES:
                return self._globals.make(flat)
            maker = getattr(self, f"_global_{flat.name}", None)
            if maker is not None:
                return maker(*flat.args) if flat.name != "alldifferent" else maker(flat.args)
        raise lib.NotSupportedError(f"CPMpy's {flat.name!r} has no translation: {flat}")

    def _negated(self, made: Constraint | bool) -> Constraint | bool:
        return not made if isinstance(made, bool) else made.negated()

    def _junction(self, flat: Any) -> Constraint | bool:
        parts = [self._boolean(part) for part in flat.args]
        absorbing = flat.name == "or"
        if any(part is absorbing for part in parts):
            return absorbing
        left = [part for part in parts if not isinstance(part, bool)]
        if not left:
            return not absorbing
        if len(left) == 1:
            return left[0]
        return Clause(left) if absorbing else Conjunction(left)

    def _implication(self, condition: Constraint | bool, holds: Constraint | bool) -> Any:
        if condition is False or holds is True:
            return True
        if condition is True:
            return holds
        assert isinstance(condition, Constraint)
        if holds is False:
            return condition.negated()
        assert isinstance(holds, Constraint)
        return Implies(condition, holds)

    def _comparison(self, flat: Any) -> Constraint | bool:
        left, right = flat.args
        if flat.name in ("==", "!=") and (_is_condition(left) or _is_condition(right)):
            first, second = self._boolean(left), self._boolean(right)
            if flat.name == "!=":
                second = self._negated(second)
            if isinstance(second, bool):
                first, second = second, first
            if isinstance(first, bool):
                return second if first else self._negated(second)
            assert isinstance(second, Constraint)
            return Reified(second, first)
        if isinstance(right, lib.Expression) and not _is_linear(right):
            raise lib.NotSupportedError(
                f"CPMpy's {right.name!r} to the right of a comparison: {flat}"
            )
        if _is_linear(left):
            return self._linear(left, flat.name, right)
        if left.name == "count":
            return self._count(left, flat.name, right)
        if left.name == "among":
            return self._among(left, flat.name, right)
        if left.name == "nvalue":
            return self._globals.number_of_values(left, flat.name, right)
        if left.name == "element":
            return self._element(left, flat, right)
        if left.name in ("min", "max"):
            return self._extremum(left, flat.name, right)
        if left.name in FUNCTIONS:
            return self._function(left, flat.name, right)
        raise lib.NotSupportedError(f"CPMpy's {left.name!r} has no translation: {flat}")

    def _linear(self, left: Any, relation: str, right: Any) -> Constraint | bool:
        coefficients, constant = self._sum(left)
        others, other = self._sum(right)
        for variable, c in others.items():
            coefficients[variable] = coefficients.get(variable, 0) - c
        coefficients = {variable: c for variable, c in coefficients.items() if c}
        bound = other - constant
        if (known := _decided(coefficients, relation, bound)) is not None:
            return known
        return Sum(tuple(coefficients), tuple(coefficients.values()), relation, bound)

    def _count(self, left: Any, relation: str, right: Any) -> Constraint | bool:
        array, value = left.args
        if not lib.is_int(value):
            return self._written_out(left, relation, right)
        return self._counted(left, array, [int(value)], relation, right)

    def _among(self, left: Any, relation: str, right: Any) -> Constraint | bool:
        array, values = left.args
        return self._counted(left, array, [int(v) for v in values], relation, right)

    def _counted(
        self, left: Any, array: Any, values: Sequence[int], relation: str, right: Any
    ) -> Constraint | bool:
        variables = [self._own(x) for x in array]
        there = {v for v in values if any(v in variable.domain for variable in variables)}
        if not there:
            return self._linear(0, relation, right)
        number: int | Variable = int(right) if lib.is_int(right) else self._own(right)
        if isinstance(number, Variable) and any(number is variable for variable in variables):
            return self._written_out(left, relation, right)
        return Count(variables, there, relation, number)

    def _written_out(self, left: Any, relation: str, right: Any) -> bool:
        """A function as CPMpy decomposes it, at the top."""
        total, constraints = left.decompose()
        compared = lib.cp.expressions.core.Comparison(relation, total, right)
        self.post([*constraints, compared])
        return True

    def _element(self, left: Any, flat: Any, right: Any) -> Constraint | bool:
        if flat.name != "==":
            raise lib.NotSupportedError(f"an element compared by {flat.name}: {flat}")
        array, index = left.args
        if lib.is_int(index):
            if not 0 <= int(index) < len(array):
                return False
            return self._linear(array[int(index)], "==", right)
        entries = [int(x) if lib.is_int(x) else self._own(x) for x in array]
        value = int(right) if lib.is_int(right) else self._own(right)
        where = self._own(index)
        roles = [where, value, *dict.fromkeys(x for x in entries if isinstance(x, Variable))]
        distinct = {id(x) for x in roles if isinstance(x, Variable)}
        if len(distinct) < sum(isinstance(x, Variable) for x in roles):
            # A variable in two roles: the index, or the value, is a variable of its own.
            where, value = self._copy(where), self._copy(value)
        return Element(where, entries, value)

    def _extremum(self, left: Any, relation: str, right: Any) -> Constraint | bool:
        arguments = [self._own(x) for x in left.args]
        result = self._own(right)
        if relation != "==" or any(result is x for x in arguments):
            return self._written_out(left, relation, right)
        return Extremum(arguments, result, largest=left.name == "max")

    def _copy(self, given: int | Variable) -> Any:
        if not isinstance(given, Variable):
            return given
        copy = self._fresh(f"a copy of {given.name}", given.domain)  # type: ignore[arg-type]
        self.problem.add(copy - given == 0)
        return copy

    def _function(self, left: Any, relation: str, right: Any) -> Constraint | bool:
        """A function of a few variables, listed."""
        function = FUNCTIONS[left.name]
        arguments = [int(x) if lib.is_int(x) else self._own(x) for x in left.args]
        result = int(right) if lib.is_int(right) else self._own(right)
        scope = tuple(dict.fromkeys(x for x in [*arguments, result] if isinstance(x, Variable)))
        inputs = tuple(dict.fromkeys(x for x in arguments if isinstance(x, Variable)))
        combinations = math.prod(len(x.domain) for x in inputs)
        if combinations > MAX_ROWS:
            raise lib.NotSupportedError(
                f"{left} has {combinations:,} combinations of values of its arguments; at most "
                f"{MAX_ROWS:,} are listed"
            )
        rows = set(_rows(function, arguments, inputs, result, relation))
        if not scope:
            return bool(rows)
        if not rows:
            return False
        if len(scope) <= 2 and math.prod(len(x.domain) for x in scope) <= MAX_ROWS:
            return Predicate(scope, lambda *values: values in rows)
        return Table(scope, tuple(rows))

    # Global constraints, by CPMpy's names.

    def _global_alldifferent(self, given: Sequence[Any]) -> Constraint | bool:
        fixed = [self._integer(x) for x in given if not isinstance(x, lib._NumVarImpl)]
        variables = [self._own(x) for x in given if isinstance(x, lib._NumVarImpl)]
        if len(set(fixed)) < len(fixed) or len(set(map(id, variables))) < len(variables):
            return False
        if not variables:
            return True
        return AllDifferent([*variables, *(self._own(x) for x in fixed)])

    def _global_table(self, array: Any, rows: Any) -> Constraint | bool:
        return self._listed(array, rows, allowed=True)

    def _global_negative_table(self, array: Any, rows: Any) -> Constraint | bool:
        return self._listed(array, rows, allowed=False)

    def _listed(self, array: Any, rows: Any, *, allowed: bool) -> Constraint | bool:
        given = [self._own(x) for x in array]
        scope = list(dict.fromkeys(given))
        places = {x: k for k, x in enumerate(scope)}
        at = [places[x] for x in given]
        sets = [set(x.domain) for x in scope]
        kept: set[tuple[int, ...]] = set()
        for row in rows:
            values: dict[int, int] = {}
            same = all(values.setdefault(k, int(v)) == int(v) for k, v in zip(at, row, strict=True))
            if same and all(values[k] in own for k, own in enumerate(sets)):
                kept.add(tuple(values[k] for k in range(len(scope))))
        if not kept:
            return not allowed
        return Table(tuple(scope), tuple(sorted(kept)), allowed=allowed)

    def _global_indomain(self, expression: Any, values: Any) -> Constraint | bool:
        variable = self._own(expression)
        if not all(map(lib.is_int, values)):
            raise lib.NotSupportedError(f"a domain with variables: {expression} in {values}")
        there = set(variable.domain) & {int(v) for v in values}
        return Member(variable, there) if there else False

    def _global_inverse(self, forward: Any, backward: Any) -> Constraint | bool:
        return Inverse([self._own(x) for x in forward], [self._own(x) for x in backward])

    def _global_regular(
        self, array: Any, transitions: Any, start: Any, accepting: Any
    ) -> Constraint | bool:
        moves: dict[tuple[Any, int], list[Any]] = {}
        for state, value, target in transitions:
            moves.setdefault((state, int(value)), []).append(target)
        states = dict.fromkeys(
            [start, *accepting, *(x for state, _, target in transitions for x in (state, target))]
        )
        triples = [(s, v, target) for (s, v), targets in moves.items() for target in targets]
        automaton = Automaton(list(states), start, list(accepting), triples)
        word: list[Variable] = []
        for x in map(self._own, array):
            word.append(self._copy(x) if any(x is y for y in word) else x)
        return Regular(word, automaton)


class _Constraints:
    """The functions that a `DirectConstraint` may name: our constraints, which are added."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem

    def __getattr__(self, name: str) -> Callable[..., None]:
        kind = getattr(problems, name, None)
        if not (isinstance(kind, type) and issubclass(kind, Constraint)):
            raise AttributeError(f"neurosym has no constraint {name!r}")
        return lambda *arguments: self._problem.add(kind(*arguments))


class _Variables:
    """What a `DirectConstraint` asks of a solver: its variables for those of CPMpy."""

    def __init__(self, translator: Translator) -> None:
        self.translator = translator

    def solver_var(self, given: Any) -> Any:
        return int(given) if lib.is_int(given) else self.translator._own(given)

    def solver_vars(self, given: Any) -> Any:
        return [self.solver_vars(x) if lib.is_any_list(x) else self.solver_var(x) for x in given]


def _is_condition(given: Any) -> bool:
    """A Boolean expression that is not a variable."""
    return (
        isinstance(given, lib.Expression)
        and given.is_bool()
        and not isinstance(given, lib._BoolVarImpl)
    )


def _is_linear(given: Any) -> bool:
    if isinstance(given, lib._NumVarImpl) or not isinstance(given, lib.Expression):
        return True
    constant = given.name == "mul" and lib.is_int(given.args[0])
    return given.name in lib.LINEAR or constant or isinstance(given, lib.BoolVal)


def _decided(coefficients: dict[Variable, int], relation: str, bound: int) -> bool | None:
    """Whether a comparison with a sum holds for all values, or for none, by its bounds."""
    least = greatest = 0
    for variable, c in coefficients.items():
        ends = [c * int(v) for v in (min(variable.domain), max(variable.domain))]  # type: ignore
        least, greatest = least + min(ends), greatest + max(ends)
    holds = COMPARISONS[relation]
    if relation in ("==", "!="):
        if not least <= bound <= greatest:
            return relation == "!="
        return bool(holds(least, bound)) if least == greatest else None
    first, last = bool(holds(least, bound)), bool(holds(greatest, bound))
    return first if first == last else None


def _rows(
    function: Callable[..., int | None],
    arguments: Sequence[Any],
    inputs: Sequence[Variable],
    result: Any,
    relation: str,
) -> Iterator[tuple[Any, ...]]:
    """Values of the inputs, and of the result where it is a further variable."""
    compare = COMPARISONS[relation]
    for values in itertools.product(*(x.domain for x in inputs)):
        given = dict(zip(inputs, values, strict=True))
        found = function(*(given.get(x, x) if isinstance(x, Variable) else x for x in arguments))
        if found is None:  # undefined there
            continue
        if not isinstance(result, Variable) or result in given:
            wanted = given[result] if isinstance(result, Variable) else result
            if compare(found, wanted):
                yield values
        elif relation == "==":
            if found in result.domain:
                yield (*values, found)
        else:
            yield from ((*values, v) for v in result.domain if compare(found, v))
