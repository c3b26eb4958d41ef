"""Bridges and rules by name, for configs: the one place where a string becomes a value."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from neurosym.bridge.domains import Rule, sampled, top_k, within
from neurosym.bridge.gumbel import gumbel_softmax
from neurosym.bridge.log_weights import Bridge
from neurosym.bridge.softmax import softmax
from neurosym.bridge.straight_through import straight_through

BRIDGES: Mapping[str, Bridge] = MappingProxyType(
    {"softmax": softmax, "gumbel_softmax": gumbel_softmax, "straight_through": straight_through}
)
"""The bridges by the names that configs use."""

RULES: Mapping[str, Callable[..., Rule]] = MappingProxyType(
    {"sampled": sampled, "within": within, "top_k": top_k}
)
"""What makes the rules of :func:`neurosym.bridge.to_domains`, by the names that configs use."""


def make_bridge(name: str, **options: Any) -> Bridge:
    """The bridge of that name, with its options bound.

    Example:
      >>> import jax
      >>> bridge = make_bridge("straight_through", sample=True, smoothing=0.05)
      >>> bridge(jax.numpy.zeros((2, 3)), key=jax.random.key(0)).shape
      (2, 3)

    Args:
      name: "softmax", "gumbel_softmax" or "straight_through".
      **options: what only this bridge takes: ``sample`` and ``smoothing`` of "straight_through".

    Raises:
      ValueError: when there is no such bridge, or it has no such option.
    """
    bridge = _choose("bridge", name, BRIDGES)
    _check_options("bridge", name, bridge, options, common=inspect.signature(softmax).parameters)
    # Options that are wrong in themselves should fail here, where the config is read, and not in
    # the first step.
    smoothing = options.get("smoothing", 1.0)
    if not 0 < smoothing <= 1:
        raise ValueError(f"smoothing must be above 0 and at most 1; got {smoothing}")
    return functools.partial(bridge, **options) if options else bridge


def make_rule(name: str, **options: Any) -> Rule:
    """The rule of that name for :func:`neurosym.bridge.to_domains`.

    Args:
      name: "sampled", "within" or "top_k".
      **options: ``temperature`` and ``samples`` of "sampled", ``tau`` of "within", ``k`` of
        "top_k".

    Raises:
      ValueError: when there is no such rule, an option is missing, unknown or out of range.
    """
    rule = _choose("rule", name, RULES)
    _check_options("rule", name, rule, options, common={})
    needed = [p.name for p in inspect.signature(rule).parameters.values() if p.default is p.empty]
    missing = [option for option in needed if option not in options]
    if missing:
        raise ValueError(f"rule {name!r} needs {', '.join(missing)}")
    return rule(**options)


def _choose(kind: str, name: str, choices: Mapping[str, Any]) -> Any:
    if name not in choices:
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
