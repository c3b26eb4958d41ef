"""The one place that imports CPMpy, which is an extra: what it lacks is said in words.

CPMpy's own transformations turn any model into flat constraints over variables; `flattened` is the
chain of them that suits this engine.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    import cpmpy as cp
    from cpmpy.exceptions import NotSupportedError
    from cpmpy.expressions.core import BoolVal, Comparison, Expression, Operator
    from cpmpy.expressions.globalconstraints import DirectConstraint, GlobalConstraint
    from cpmpy.expressions.globalfunctions import FloatSum
    from cpmpy.expressions.utils import is_any_list, is_int
    from cpmpy.expressions.variables import NegBoolView, _BoolVarImpl, _IntVarImpl, _NumVarImpl
    from cpmpy.solvers.solver_interface import ExitStatus, SolverInterface, SolverStatus
    from cpmpy.transformations.comparison import only_numexpr_equality
    from cpmpy.transformations.decompose_global import decompose_in_tree, decompose_objective
    from cpmpy.transformations.flatten_model import flatten_constraint, flatten_objective
    from cpmpy.transformations.get_variables import get_variables
    from cpmpy.transformations.negation import push_down_negation, push_down_negation_objective
    from cpmpy.transformations.normalize import toplevel_list
    from cpmpy.transformations.reification import only_bv_reifies, reify_rewrite
    from cpmpy.transformations.safening import no_partial_functions, safen_objective
except ModuleNotFoundError as error:  # pragma: no cover - depends on what is installed
    raise ModuleNotFoundError(
        "models of CPMpy need CPMpy: pip install 'neurosym[cpmpy]'"
    ) from error

__all__ = [
    "LINEAR",
    "BoolVal",
    "Comparison",
    "DirectConstraint",
    "ExitStatus",
    "Expression",
    "FloatSum",
    "GlobalConstraint",
    "NegBoolView",
    "NotSupportedError",
    "Operator",
    "SolverInterface",
    "SolverStatus",
    "_BoolVarImpl",
    "_IntVarImpl",
    "_NumVarImpl",
    "cp",
    "flattened",
    "flattened_objective",
    "get_variables",
    "is_any_list",
    "is_int",
]

LINEAR = frozenset({"sum", "wsum", "sub", "mul_const", "-"})
"""Left sides that are a sum of variables with coefficients."""


class _WholeDecompositions(dict):
    """Of every constraint the decomposition that holds in both directions.

    In a positive context CPMpy may leave auxiliary variables free that the assignment does not
    determine. Each assignment is to count once, so they are always tied.
    """

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Callable[[Any], Any]:
        return lambda expression: expression.decompose()


def flattened(
    expressions: Any, supported: frozenset[str], supported_reified: frozenset[str], known: Any
) -> list[Any]:
    """Constraints as flat ones, in which every auxiliary variable follows from the others.

    Args:
      expressions: of CPMpy, nested as users nest them.
      supported: global constraints and functions that stay as they are at the top.
      supported_reified: global constraints that may be compared with a Boolean.
      known: CPMpy's map of expressions that have a variable already.
    """
    flat = toplevel_list(expressions)
    flat = no_partial_functions(flat)
    flat = push_down_negation(flat)
    flat = decompose_in_tree(
        flat,
        supported=supported,
        supported_reified=supported_reified,
        csemap=known,
        decompose_custom_positive=_WholeDecompositions(),
    )
    flat = [_with_a_constant(one) for one in flat]
    flat = flatten_constraint(flat, csemap=known)
    reified = frozenset({"sum", "wsum", "sub"}) | supported_reified
    flat = reify_rewrite(flat, supported=reified, csemap=known)
    flat = only_numexpr_equality(flat, supported=frozenset({"sum", "wsum", "sub"}), csemap=known)
    # Not `only_implies`: an implication alone does not determine its Boolean.
    return only_bv_reifies(flat, csemap=known)


def _with_a_constant(given: Any) -> Any:
    """A comparison of two sums as that of their difference with 0.

    Flattening would give the sum on the right a variable of its own, and list all its values.
    """
    if not isinstance(given, Comparison):
        return given
    left, right = given.args
    sums = isinstance(right, Operator) and right.name in LINEAR and not right.is_bool()
    if not sums or not isinstance(left, Expression) or left.is_bool():
        return given
    return Comparison(given.name, left - right, 0)


def flattened_objective(
    expression: Any, supported: frozenset[str], supported_reified: frozenset[str], known: Any
) -> tuple[Any, list[Any]]:
    """A variable or a sum that equals the expression, and the constraints that make it so."""
    total, safe = safen_objective(expression)
    total = push_down_negation_objective(total)
    total, decomposed = decompose_objective(
        total, supported=supported, supported_reified=supported_reified, csemap=known
    )
    total, flat = flatten_objective(total, csemap=known)
    return total, [*safe, *decomposed, *flat]
