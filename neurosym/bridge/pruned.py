"""Hard forward in bits, backward in a semiring restricted to the survivors.

logits (+ Gumbel noise) ─▶ rule ─▶ domains ─▶ propagation: uint64 lanes, a while loop ─▶ survivors
survivors, logits ─▶ another estimator: the value, and the gradient, of the pruned problem
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from neurosym.bridge.domains import Rule, to_domains
from neurosym.bridge.estimator import Estimate, Estimator, ask, of_question
from neurosym.bridge.log_weights import check_temperature, checked
from neurosym.reasoning.protocols import HasPruning, require
from neurosym.reasoning.question import Question


class Survivors(NamedTuple):
    """The part of one instance that the encoder's beliefs and propagation left."""

    allowed: Array
    """bool[V, D]: within the evidence, whatever happened."""
    restored: Array
    """bool[V]: the beliefs kept nothing that is allowed, so all of that is back."""
    wiped_out: Array
    """bool[]: what the beliefs kept has no solution; ``allowed`` is the propagated evidence."""
    pruned: Array
    """float32[]: the share of the values of the propagated evidence that are gone."""


def survivors(
    reasoner: HasPruning,
    logits: Array,
    evidence: Any,
    *,
    rule: Rule,
    observed: Array | None = None,
    key: Array | None = None,
    temperature: float | Array = 1.0,
    gumbel: bool = False,
) -> Survivors:
    """Prunes by the encoder's own beliefs, then by propagation.

    Args:
      reasoner: with ``prune``.
      logits: float[V, D].
      evidence: what is allowed, bool[V, D].
      rule: which values the beliefs keep; it sees the logits divided by the temperature.
      observed: bool[V]: the others keep all that the evidence allows. None: all are observed.
      key: typed key; for the noise, and for a rule that samples.
      temperature: above 0; it scales the rule: ``within(1.0)`` at temperature τ keeps values at
        most τ below the best. With noise it should not fall below 1, the noise's own scale.
      gumbel: add Gumbel noise to the logits first.

    Raises:
      ValueError: shapes do not fit, or a key is missing.
    """
    question = Question(logits, evidence, observed, key, temperature)
    return _survivors(reasoner, question, rule, gumbel)


def pruned(
    reasoner: HasPruning, *, inner: Estimator, rule: Rule, gumbel: bool = False
) -> Estimator:
    """Another estimator on what the encoder's beliefs and propagation leave.

    Forward, the decision is hard: a rule makes domains of the (perturbed) logits, and propagation
    prunes them in bits. Backward, the gradient is that of the inner estimator restricted to the
    survivors, as if these were the evidence: a value that was pruned gets the gradient of the
    softmax alone, which moves it down. The decision itself has no gradient (straight-through:
    Bengio et al. 2013, https://arxiv.org/abs/1308.3432; perturbed choice: Jang et al. 2017,
    https://arxiv.org/abs/1611.01144).

    A variable that the rule leaves without a value gets back the values that the evidence allows;
    an instance that propagation wipes out falls back on the propagated evidence. Neither goes
    beyond the evidence.

    Metrics: ``wiped_out``, the share of instances that fell back; ``restored``, the share with a
    restored variable; ``pruned``, the mean share of values that are gone; and those of ``inner``.

    Args:
      reasoner: with ``prune``.
      inner: the estimator of the survivors; it runs at temperature 1.
      rule: which values the beliefs keep; the step's temperature scales it (see `survivors`).
      gumbel: add Gumbel noise to the logits before the rule.

    Raises:
      ValueError: if the reasoner cannot prune, or the rule is not a rule, or the inner estimator is
        not an estimator.
    """
    require(reasoner, "pruned", HasPruning)
    for what, given in (("inner", inner), ("rule", rule)):
        if not callable(given):
            kind = "an estimator" if what == "inner" else "a rule such as within(1.0)"
            raise ValueError(f"pruned({what}=...) is {kind}, not {given!r}")

    @of_question
    def estimate(question: Question) -> Estimate:
        prune_key = inner_key = None
        if question.key is not None:
            prune_key, inner_key = jax.random.split(question.key)
        left = _survivors(reasoner, question._replace(key=prune_key), rule, gumbel)
        rest = Question(question.logits, left.allowed, question.observed, inner_key)
        found = ask(inner, rest)
        metrics = {
            "wiped_out": left.wiped_out.astype(jnp.float32),
            "restored": left.restored.any().astype(jnp.float32),
            "pruned": left.pruned,
        }
        return Estimate(found.log_likelihood, metrics | found.metrics, left.allowed)

    return estimate


def _survivors(reasoner: HasPruning, question: Question, rule: Rule, gumbel: bool) -> Survivors:
    logits, observed = checked(reasoner, question)
    check_temperature(question.temperature)
    beliefs = jax.lax.stop_gradient(logits)
    noise_key = rule_key = None
    if question.key is not None:
        noise_key, rule_key = jax.random.split(question.key)
    if gumbel:
        if noise_key is None:
            raise ValueError("pruning with Gumbel noise needs a key, e.g. key=jax.random.key(0)")
        beliefs = beliefs + jax.random.gumbel(noise_key, beliefs.shape, beliefs.dtype)
    beliefs = jnp.where(jnp.asarray(reasoner.exists), beliefs / question.temperature, -jnp.inf)

    def kept(logits: Array, *, key: Array | None = None) -> Array:
        chosen = rule(logits, key=key)
        return chosen if observed is None else chosen | ~observed[:, None]

    start = reasoner.prune(question.evidence).allowed
    domains, restored = to_domains(beliefs, kept, evidence=start, key=rule_key)
    left, wiped_out = reasoner.prune(domains.mask)
    allowed = jnp.where(wiped_out, start, left)
    size = jnp.sum(start, dtype=jnp.float32)
    gone = size - jnp.sum(allowed, dtype=jnp.float32)
    return Survivors(allowed, restored, wiped_out, gone / jnp.maximum(size, 1))
