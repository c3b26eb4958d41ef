"""Loopy belief propagation: approximate marginals where exact inference is out of reach.

Variables and factors tell each other, round by round and all at once, what they think of each value
(Kschischang, Frey and Loeliger 2001, "Factor graphs and the sum-product algorithm",
https://doi.org/10.1109/18.910572). On a tree of factors the result is exact once the rounds reach
its diameter; on a graph with loops it is an approximation, and its fixed points are the stationary
points of the Bethe free energy (Yedidia, Freeman and Weiss 2005,
https://doi.org/10.1109/TIT.2005.850085).

At temperature T the sums of products become ``T log Σ exp(x / T)``: sum-product at 1, max-product
at 0. That is sum-product on logarithms divided by T, with the result multiplied by T.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.bits.domains import Domains
from neurosym.problems.network import Network
from neurosym.problems.potentials import Potentials, check_log_weights
from neurosym.semirings.algebra.instances import LOG, MAX_TIMES
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.fixpoints.implicit import Series, implied
from neurosym.soft import messages, pairwise
from neurosym.soft.factor_messages import Prepared
from neurosym.soft.tables import given_potentials
from neurosym.soft.weights import checked_mask, checked_weights, within
from neurosym.soft.wiring import Wiring, wire
from neurosym.transforms.loops import while_loop
from neurosym.transforms.quick import quickly_compiled


class Beliefs(NamedTuple):
    """The result of belief propagation, and how far to trust it."""

    beliefs: jax.Array  # float[V, D]: normalised logarithms of the marginals, or of max-marginals
    log_partition: jax.Array  # float[]: the Bethe estimate of `total`
    converged: jax.Array  # bool[]: the last round changed no message by more than the tolerance
    contradiction: jax.Array  # bool[]: the constraints were shown to have no solution
    rounds: jax.Array  # int32[]
    residual: jax.Array  # float[]: the largest change in the last round, from 0 to 1; 1 before it

    @property
    def marginals(self) -> jax.Array:
        """``float[V, D]``: probabilities; rows sum to 1, all are zero after a contradiction."""
        return jnp.exp(self.beliefs)

    @property
    def assignment(self) -> jax.Array:
        """The most likely value index of each variable, ``int32[V]``; the first of equal ones."""
        return jnp.argmax(self.beliefs, axis=1).astype(jnp.int32)


def belief_propagation(
    network: Network,
    weights: jax.Array,
    *,
    domains: Domains | jax.Array | None = None,
    potentials: Potentials | Sequence[Potentials] = (),
    temperature: float = 1.0,
    damping: float = 0.0,
    max_rounds: int = 200,
    tolerance: float = 1e-4,
    unroll: bool = False,
) -> Beliefs:
    """Approximate marginals of a network, by messages between variables and factors.

    Exact on trees. On graphs with loops look at ``converged``; damping helps where messages swing.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x, y = problem.variables("x", shape=2, domain=range(3))
    >>> problem.add(x < y)
    >>> found = belief_propagation(problem.compile(), jnp.zeros((2, 3)))
    >>> print((100 * found.marginals).round().astype(int), found.converged)
    [[67 33  0]
     [ 0 33 67]] True

    Gradients of the beliefs and of the log-partition are those of the fixed point, by the implicit
    function theorem (`neurosym.semirings.fixpoints.implicit`): memory does not grow with the
    rounds, and the linear system is solved by as many rounds at most. They are zero where the
    messages did not converge. With ``unroll`` they flow through every round instead.

    Args:
      network: the compiled problem.
      weights: log-probabilities ``float32[V, D]``, not necessarily normalised; -inf forbids.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``; all if None.
      potentials: soft factors over several variables.
      temperature: 1 for sum-product, 0 for max-product; in between the smoothed maximum.
      damping: the part of the old message that is kept, in logarithms; from 0 to below 1.
      max_rounds: after which it stops in any case.
      tolerance: it stops when no entry of a message changes by more in one round, where the largest
        entry is one.
      unroll: do exactly ``max_rounds`` rounds, and differentiate each of them.

    Returns:
      Beliefs. A contradiction leaves beliefs and log-partition at -inf and marginals at 0.

    Raises:
      ValueError: for weights of another shape or with NaN or +inf, domains of another shape or
        dtype, potentials that do not fit the network, or an option out of its range.
    """
    weights = checked_weights(network, weights, LOG)
    mask = checked_mask(network, domains)
    if mask is None:
        check_log_weights(weights, "weights")
    given = given_potentials(network, potentials)
    if not (0 <= temperature < math.inf):
        raise ValueError(f"the temperature is a number from 0 up, not {temperature}")
    if 0 < temperature < float(jnp.finfo(weights.dtype).tiny):
        raise ValueError(
            f"a temperature of {temperature} is below every positive {weights.dtype}; at 0 these "
            "are the max-marginals"
        )
    if not 0 <= damping < 1:
        raise ValueError(f"damping is from 0 to below 1, not {damping}")
    if max_rounds != int(max_rounds) or not 0 <= max_rounds < 2**31:
        raise ValueError(f"max_rounds is a whole number from 0 to 2**31 - 1, not {max_rounds}")
    if not tolerance >= 0:
        raise ValueError(f"the tolerance is a number from 0 up, not {tolerance}")
    wiring = wire(network.structure, tuple(one.static_scope for one in given))
    return _run(
        wiring,
        MAX_TIMES if temperature == 0 else LOG,
        float(damping),
        int(max_rounds) if unroll else None,
        weights,
        mask,
        tuple(one.log_table for one in given),
        np.asarray(temperature if temperature > 0 else 1, weights.dtype),
        np.asarray(max_rounds, np.int32),
        np.asarray(tolerance, weights.dtype),
    )


class _Model(NamedTuple):
    """The arrays of one run."""

    weights: jax.Array  # [D, V]
    prepared: tuple[Prepared, ...]  # of each group of factors
    max_rounds: jax.Array  # int32[]
    tolerance: jax.Array  # float[]


class _State(NamedTuple):
    """Between two rounds."""

    heard: jax.Array  # [D, R]: what the factors said
    supports: jax.Array  # [D, R]: their answer, not normalised yet
    rounds: jax.Array  # int32[]
    residual: jax.Array  # float[]


@quickly_compiled(static_argnums=(0, 1, 2, 3))
def _run(
    wiring: Wiring,
    semiring: Semiring,
    damping: float,
    unrolled: int | None,
    weights: jax.Array,
    mask: jax.Array | np.ndarray | None,
    tables: tuple[jax.Array, ...],
    temperature: jax.Array,
    max_rounds: jax.Array,
    tolerance: jax.Array,
) -> Beliefs:
    weights = within(LOG, weights, mask)
    everything = np.arange(len(wiring.sizes))
    scaled = jnp.where(wiring.present(everything), weights.T / temperature, -jnp.inf)
    cool = [table / temperature for table in tables]
    prepared = tuple(group.prepare(semiring, weights.dtype, cool) for group in wiring.groups)
    model = _Model(scaled, prepared, max_rounds, tolerance)
    method = _Method(wiring, semiring, damping, unrolled)
    if wiring.edges == 0:
        state = method.start(model)._replace(
            rounds=jnp.zeros((), jnp.int32), residual=jnp.zeros((), weights.dtype)
        )
    elif unrolled is not None:
        state = method.run(model)
    else:
        state = method.run_to_fixpoint(model)
    found = method.read(model, state)
    beliefs = jnp.where(found.beliefs > -jnp.inf, found.beliefs * temperature, -jnp.inf)
    normaliser = jnp.where(found.contradiction, 0, LOG.sum(beliefs, 0))
    beliefs = jnp.where(beliefs > -jnp.inf, beliefs - normaliser, -jnp.inf)
    partition = jnp.where(found.contradiction, -jnp.inf, found.log_partition * temperature)
    if unrolled is None:
        beliefs = jnp.where(found.converged, beliefs, jax.lax.stop_gradient(beliefs))
        partition = jnp.where(found.converged, partition, jax.lax.stop_gradient(partition))
    return found._replace(beliefs=beliefs.T, log_partition=partition)


@dataclasses.dataclass(frozen=True)
class _Method:
    """How messages are iterated; static."""

    wiring: Wiring
    semiring: Semiring
    damping: float
    unrolled: int | None

    def start(self, model: _Model) -> _State:
        """Messages that say nothing, one round before the first."""
        silent = messages.start(self.wiring, model.weights.dtype)
        one = jnp.ones((), model.weights.dtype)
        return _State(silent, silent, jnp.full((), -1, jnp.int32), one)

    def says(self, model: _Model, heard: jax.Array) -> tuple[jax.Array, jax.Array]:
        """What the variables say, and believe."""
        return messages.to_factors(self.semiring, self.wiring, model.weights, heard)

    @functools.partial(jax.jit, static_argnums=0)  # traced once for the loop and its derivative
    def supports(self, model: _Model, heard: jax.Array) -> jax.Array:
        """What the factors answer."""
        said, _ = self.says(model, heard)
        return messages.from_factors(self.semiring, self.wiring, model.prepared, said)

    def advance(self, model: _Model, state: _State) -> _State:
        """One round: variables hear the last answers, factors give the next ones."""
        answer = messages.normalise(state.supports)
        moved = jax.lax.stop_gradient(messages.change(state.heard, answer))
        heard = messages.damp(state.heard, answer, self.damping)
        moved = jnp.where(state.rounds < 0, 1, moved)
        return _State(heard, self.supports(model, heard), state.rounds + 1, moved)

    def run(self, model: _Model) -> _State:
        """Rounds until the change is small, or exactly as many as are unrolled."""

        def general() -> _State:
            advance = functools.partial(self.advance, model)
            more = None if self.unrolled is None else self.unrolled + 1
            return _iterate(advance, self.start(model), model, more)

        if not pairwise.is_pairwise(self.wiring):
            return general()
        ratios = pairwise.MAXIMA if self.semiring.selective else pairwise.SUMS
        pairs, unsound = pairwise.prepare(ratios, self.wiring, model.weights, model.prepared)

        def by_ratios() -> _State:
            advance = pairwise.round_of(ratios, self.wiring, pairs, self.damping)
            state = pairwise.start(ratios, self.wiring, pairs)
            state = _iterate(advance, state, model, self.unrolled)
            heard = pairwise.to_messages(ratios, self.wiring, state.heard)
            return _State(heard, self.supports(model, heard), state.rounds, state.residual)

        return jax.lax.cond(unsound, general, by_ratios)

    def run_to_fixpoint(self, model: _Model) -> _State:
        """As `run`, differentiated as the fixed point of a round."""
        state = self.run(jax.lax.stop_gradient(model))

        def step(unknown: jax.Array, model: _Model) -> jax.Array:
            heard, supports = unknown
            after = messages.damp(heard, messages.normalise(supports), self.damping)
            return jnp.stack([after, self.supports(model, heard)])

        # A round is two steps of the pair: what was heard is answered, and what was answered heard.
        series = Series(most=2 * model.max_rounds, rtol=model.tolerance)
        found = jnp.stack([state.heard, state.supports])
        heard, supports = implied(step, found, model, series)
        return state._replace(heard=heard, supports=supports)

    def read(self, model: _Model, state: _State) -> Beliefs:
        """The beliefs ``[D, V]`` of a state, not normalised, and the Bethe log-partition."""
        said, beliefs = self.says(model, state.heard)
        of_variables = self.semiring.sum(beliefs, 0)
        of_factors = messages.factor_totals(self.semiring, self.wiring, said, state.supports)
        contradiction = jnp.any(of_variables == -jnp.inf) | jnp.any(of_factors == -jnp.inf)
        # Every factor counts once, and every variable once less than it has factors.
        counted = jnp.asarray(1 - self.wiring.degrees, beliefs.dtype)
        partition = jnp.sum(jnp.where(contradiction, 0, of_factors))
        partition += jnp.sum(jnp.where(contradiction, 0, of_variables) * counted)
        return Beliefs(
            beliefs=jnp.where(contradiction, -jnp.inf, beliefs),
            log_partition=partition,
            converged=state.residual <= model.tolerance,
            contradiction=contradiction,
            rounds=state.rounds,
            residual=state.residual,
        )


def _iterate(advance: Any, state: Any, model: _Model, unrolled: int | None) -> Any:
    """A state after ``unrolled`` rounds; without that, after those that the model asks for."""
    if unrolled is not None:
        return jax.lax.scan(lambda s, _: (advance(s), None), state, None, unrolled)[0]

    def unfinished(state: Any) -> jax.Array:
        return (state.rounds < model.max_rounds) & (state.residual > model.tolerance)

    return while_loop(unfinished, advance, state)
