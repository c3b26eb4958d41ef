"""Bridges, rules and estimators by name, for configs: the one place where a string becomes a value.

A value that has parts is given as a mapping with a ``name``:

    {"name": "pruned", "rule": {"name": "within", "tau": 1.0}, "inner": {"name": "exact"}}
"""

from __future__ import annotations

import functools
import inspect
import numbers
import typing
from collections.abc import Callable, Mapping
from types import MappingProxyType, NoneType
from typing import Any

from neurosym.bridge.belief_propagation import belief_propagation
from neurosym.bridge.domains import Rule, sampled, top_k, within
from neurosym.bridge.enumerated import enumerated
from neurosym.bridge.estimator import Estimator
from neurosym.bridge.exact import exact
from neurosym.bridge.gumbel import gumbel_softmax
from neurosym.bridge.log_weights import Bridge, softmax
from neurosym.bridge.noise import Noise, gumbel_noise, sum_of_gamma_noise
from neurosym.bridge.perturb_and_map import perturb_and_map
from neurosym.bridge.pruned import pruned
from neurosym.bridge.relaxed import relaxed
from neurosym.bridge.score_function import score_function
from neurosym.bridge.straight_through import straight_through
from neurosym.bridge.top_k_assignments import top_k_assignments
from neurosym.reasoning.network import NetworkReasoner
from neurosym.reasoning.protocols import Reasoner
from neurosym.reasoning.solvers import branch_and_bound, elimination
from neurosym.semirings.algebra.names import semiring_by_name

BRIDGES: Mapping[str, Bridge] = MappingProxyType(
    {"softmax": softmax, "gumbel_softmax": gumbel_softmax, "straight_through": straight_through}
)
"""The bridges by the names that configs use."""

RULES: Mapping[str, Callable[..., Rule]] = MappingProxyType(
    {"sampled": sampled, "within": within, "top_k": top_k}
)
"""What makes the rules of :func:`neurosym.bridge.to_domains`, by the names that configs use."""

NOISES: Mapping[str, Callable[..., Noise]] = MappingProxyType(
    {"gumbel": gumbel_noise, "sum_of_gamma": sum_of_gamma_noise}
)
"""The noise of :func:`neurosym.bridge.perturb_and_map`, by the names that configs use."""

SOLVERS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {"branch_and_bound": branch_and_bound, "elimination": elimination}
)
"""What makes solvers of a network, by the names that configs use."""

ESTIMATORS: Mapping[str, Callable[..., Estimator]] = MappingProxyType(
    {
        "belief_propagation": belief_propagation,
        "enumerated": enumerated,
        "exact": exact,
        "perturb_and_map": perturb_and_map,
        "pruned": pruned,
        "relaxed": relaxed,
        "score_function": score_function,
        "top_k_assignments": top_k_assignments,
    }
)
"""What makes the estimators, by the names that configs use."""


def make_bridge(name: str, /, **options: Any) -> Bridge:
    """The bridge of that name, with its options bound.

    Example:
      >>> import jax
      >>> bridge = make_bridge("straight_through", sample=True, smoothing=0.05)
      >>> bridge(jax.numpy.zeros((2, 3)), key=jax.random.key(0)).shape
      (2, 3)

    Args:
      name: "softmax", "gumbel_softmax" or "straight_through".
      **options: options that only this bridge takes: ``sample`` and ``smoothing`` of
        "straight_through".

    Raises:
      ValueError: when there is no such bridge or option, or one is of the wrong type or out of
        range.
    """
    bridge = _choose("bridge", name, BRIDGES)
    _check_options("bridge", name, bridge, options, common=inspect.signature(softmax).parameters)
    # Options that are wrong in themselves should fail here, where the config is read, and not in
    # the first step.
    smoothing = options.get("smoothing", 1.0)
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing must be above 0 and at most 1; got {smoothing}")
    return functools.partial(bridge, **options) if options else bridge


def make_rule(name: str, /, **options: Any) -> Rule:
    """The rule of that name for :func:`neurosym.bridge.to_domains`.

    Args:
      name: "sampled", "within" or "top_k".
      **options: ``temperature`` and ``samples`` of "sampled", ``tau`` of "within", ``k`` of
        "top_k".

    Raises:
      ValueError: when there is no such rule, an option is missing, unknown, of the wrong type or
        out of range.
    """
    rule = _choose("rule", name, RULES)
    _check_options("rule", name, rule, options, common={})
    needed = [p.name for p in inspect.signature(rule).parameters.values() if p.default is p.empty]
    missing = [option for option in needed if option not in options]
    if missing:
        raise ValueError(f"rule {name!r} needs {', '.join(missing)}")
    return rule(**options)


def make_estimator(name: str, reasoner: Reasoner, /, **options: Any) -> Estimator:
    """The estimator of that name, over a reasoner.

    Example:
      >>> from neurosym.bridge import NetworkReasoner
      >>> from neurosym.problems import Problem
      >>> problem = Problem()
      >>> x, y = problem.variables("x", shape=2, domain=range(3))
      >>> problem.add(x < y)
      >>> reasoner = NetworkReasoner(problem.compile())
      >>> otherwise = {"name": "belief_propagation", "rounds": 5}
      >>> estimator = make_estimator("enumerated", reasoner, limit=2, otherwise=otherwise)

    Args:
      name: one of :data:`ESTIMATORS`.
      reasoner: the reasoner that it asks.
      **options: its options, as its own documentation says. ``otherwise``, ``inner``, ``rule``,
        ``bridge``, ``noise`` and ``solver`` may be given as a name, or as a mapping with a ``name``
        and options; ``semiring`` as a name.

    Raises:
      ValueError: when there is no such estimator or option, one is missing, of the wrong type or
        out of range, or the reasoner lacks what the estimator needs.
    """
    factory = _choose("estimator", name, ESTIMATORS)
    parameters = dict(inspect.signature(factory).parameters)
    _check_options("estimator", name, factory, options, common={"reasoner": None})
    needed = [p.name for p in list(parameters.values())[1:] if p.default is p.empty]
    missing = [option for option in needed if option not in options]
    if missing:
        raise ValueError(f"estimator {name!r} needs {', '.join(missing)}")
    made = {option: _part(name, option, given, reasoner) for option, given in options.items()}
    return factory(reasoner, **made)


def _part(name: str, option: str, given: Any, reasoner: Reasoner) -> Any:
    """An option's value; where it is a name or a mapping that stands for one, that value."""
    if option not in PARTS or not isinstance(given, str | Mapping):
        return given
    settings = {"name": given} if isinstance(given, str) else dict(given)
    if "name" not in settings:
        raise ValueError(f"{option} of estimator {name!r} needs a name, in {settings}")
    unnamed = [key for key in settings if not isinstance(key, str)]
    if unnamed:
        raise ValueError(f"{option} of estimator {name!r} has options by name, not {unnamed[0]!r}")
    chosen = settings.pop("name")
    return PARTS[option](chosen, reasoner, settings)


def _make_noise(name: str, reasoner: Reasoner, options: Mapping[str, Any]) -> Noise:
    noise = _choose("noise", name, NOISES)
    _check_options("noise", name, noise, options, common={})
    if name == "sum_of_gamma" and "ones" not in options:
        raise ValueError("noise 'sum_of_gamma' needs ones: how many variables are observed")
    return noise(**options)


def _make_solver(name: str, reasoner: Reasoner, options: Mapping[str, Any]) -> Any:
    solver = _choose("solver", name, SOLVERS)
    if not isinstance(reasoner, NetworkReasoner):
        raise ValueError(f"solver {name!r} is for a NetworkReasoner, not {reasoner!r}")
    _check_options("solver", name, solver, options, common={"network": None})
    return solver(reasoner.network, **options)


def _make_semiring(name: str, reasoner: Reasoner, options: Mapping[str, Any]) -> Any:
    if options:
        raise ValueError(f"a semiring is given by its name alone, not with {dict(options)}")
    return semiring_by_name(name)


PARTS: Mapping[str, Callable[[str, Any, dict[str, Any]], Any]] = MappingProxyType(
    {
        "otherwise": lambda name, reasoner, options: make_estimator(name, reasoner, **options),
        "inner": lambda name, reasoner, options: make_estimator(name, reasoner, **options),
        "rule": lambda name, reasoner, options: make_rule(name, **options),
        "bridge": lambda name, reasoner, options: make_bridge(name, **options),
        "noise": _make_noise,
        "solver": _make_solver,
        "semiring": _make_semiring,
    }
)
"""How the options of estimators that are values of their own are made from their names."""


def _choose(kind: str, name: str, choices: Mapping[str, Any]) -> Any:
    if not isinstance(name, str) or name not in choices:
        raise ValueError(f"unknown {kind} {name!r}; there are {', '.join(sorted(choices))}")
    return choices[name]


def _check_options(
    kind: str, name: str, function: Any, options: Mapping[str, Any], *, common: Mapping[str, Any]
) -> None:
    known = sorted(set(inspect.signature(function).parameters) - set(common))
    unknown = sorted(set(options) - set(known))
    if unknown:
        takes = f"it takes {', '.join(known)}" if known else "it takes none"
        raise ValueError(f"{kind} {name!r} has no option {', '.join(unknown)}; {takes}")
    parameters = inspect.signature(function, eval_str=True).parameters
    for option, given in options.items():
        if option not in PARTS or not isinstance(given, str | Mapping):  # a part is made by itself
            _check_type(f"{option} of {kind} {name!r}", parameters[option].annotation, given)


def _check_type(what: str, annotation: Any, given: Any) -> None:
    """Refuses a value that its option's annotation, a class or a union of classes, rules out."""
    allowed = typing.get_args(annotation) or (annotation,)
    if not any(_fits(kind, given) for kind in allowed):
        raise ValueError(f"{what} is {' or '.join(map(_in_words, allowed))}, not {given!r}")


def _fits(kind: Any, given: Any) -> bool:
    if kind in (int, float):  # of any library, but True is not a number
        abstract = numbers.Integral if kind is int else numbers.Real
        return isinstance(given, abstract) and not isinstance(given, bool)
    if getattr(kind, "_is_protocol", False):  # estimators, rules and the like are functions
        return callable(given)
    return isinstance(given, kind)


def _in_words(kind: Any) -> str:
    words = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}
    words[NoneType] = "None"
    name = kind.__name__.lower()
    return words.get(kind, f"{'an' if name[0] in 'aeiou' else 'a'} {name}")
