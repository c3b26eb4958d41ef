"""`automatic`: the first engine that can answer about an instance, by name and with the reason.

    choice = automatic(network, domains)
    choice.method                        Method.RESTRICTED
    choice.why                           "elimination: too wide, 81 indices, ...; restricted
                                          elimination: takes 0.1 MiB"
    choice.marginals(log_weights)        Answer(value, status EXACT, statistics)

propagation ─▶ narrow: elimination │ else of what is left │ else its circuit │ else messages

Choosing is Python, outside of any trace: it plans, and allocates nothing. The chosen engine is a
pure function of log-weights, under jit and vmap like everything.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from neurosym.bits.domains import Domains
from neurosym.circuits.circuit import Circuit
from neurosym.circuits.sources.elimination import trace_elimination
from neurosym.hard.propagate import propagate
from neurosym.problems.network import Network
from neurosym.problems.variable import Variable
from neurosym.reasoning.network import NetworkReasoner
from neurosym.reasoning.question import Answer, Status
from neurosym.reasoning.restricted import RestrictedReasoner, restrict
from neurosym.semirings.algebra.instances import log_normalised
from neurosym.soft import inference
from neurosym.soft.effort import Effort
from neurosym.soft.elimination import TooWideError, eliminate_within, readable_bytes
from neurosym.soft.restriction import RestrictedNetwork


class Method(enum.Enum):
    """Who answers."""

    PROPAGATION = "propagation"  # it found a contradiction; nothing is left to ask
    ELIMINATION = "elimination"  # of the whole network, the same program for all instances
    RESTRICTED = "restricted elimination"  # of what propagation left of this instance
    CIRCUIT = "circuit"  # compiled from what propagation left
    MESSAGES = "belief propagation"  # approximate


METHODS: tuple[Method, ...] = (
    Method.ELIMINATION,
    Method.RESTRICTED,
    Method.CIRCUIT,
    Method.MESSAGES,
)
"""In the order in which `automatic` tries them."""

EFFORT = Effort(memory_limit=2**26, max_slices=1)
"""What exact inference may cost that nobody asked for by name."""

Compile = Callable[[Any], Circuit]
"""From a network, whole or restricted, to its circuit; ValueError where that is too large."""

SMALL_CIRCUIT: Compile = functools.partial(trace_elimination, max_terms=2**17)
"""A circuit that is compiled within seconds, or given up."""


@dataclasses.dataclass(frozen=True, eq=False)
class Automatic:
    """An engine that was chosen for one instance; made by `automatic`.

    Attributes:
      method: which engine it is.
      why: what was tried, in order, and what came of it.
      reasoner: who is asked.
      domains: bool[V, D]: what propagation left.
      rounds: of messages at most.
      damping: of messages.
      tolerance: at which messages have come to rest.
    """

    method: Method
    why: str
    reasoner: NetworkReasoner | RestrictedReasoner
    domains: Array
    rounds: int
    damping: float
    tolerance: float

    @property
    def exact(self) -> bool:
        """Answers are exact, up to rounding."""
        return self.method is not Method.MESSAGES

    def total(self, log_weights: Array) -> Answer:
        """The log-probability float[] that the constraints hold, of log-weights float[V, D].

        By messages, its Bethe estimate.
        """
        if self.method is Method.MESSAGES:
            return self._by_messages(log_weights, lambda found: found.log_partition)
        if self.method is Method.PROPAGATION:
            return self._contradiction(jnp.full((), -jnp.inf))
        value = self.reasoner.total(log_weights, self.domains)
        return _exact(value, value > -jnp.inf)

    def marginals(self, log_weights: Array) -> Answer:
        """The probability of each value, float[V, D], of log-weights float[V, D]."""
        if self.method is Method.MESSAGES:
            return self._by_messages(log_weights, lambda found: found.marginals)
        if self.method is Method.PROPAGATION:
            return self._contradiction(jnp.zeros(self.domains.shape))
        value = self.reasoner.marginals(log_weights, self.domains)
        return _exact(value, jnp.any(value > 0))

    def query(self, log_weights: Array, *, target: Variable | str | int) -> Answer:
        """Normalised log-probabilities float[D_target], of log-weights float[V, D]."""
        network = self.reasoner.network
        row = network.index(target)
        size = len(network.structure.domains[row])
        if self.method is Method.MESSAGES:
            return self._by_messages(log_weights, lambda found: found.beliefs[row, :size])
        if self.method is Method.PROPAGATION:
            return self._contradiction(jnp.full(size, -jnp.inf))
        if self.method is Method.ELIMINATION:
            # By the plan of the total, which is known to be affordable; `neurosym.query` has one of
            # its own, with an axis for the target.
            options: dict[str, Any] = {"domains": self.domains, "effort": self.reasoner.effort}
            support = inference.support(network, log_weights, **options)
            through = jnp.where(self.domains, log_weights, -jnp.inf)[row] + support[row]
            value = log_normalised(through[:size])
        else:
            value = self.reasoner.query(log_weights, self.domains, target=row)
        return _exact(value, jnp.any(value > -jnp.inf))

    def _by_messages(self, log_weights: Array, read: Callable[[Any], Array]) -> Answer:
        assert isinstance(self.reasoner, NetworkReasoner)
        found = self.reasoner.beliefs(
            log_weights,
            self.domains,
            rounds=self.rounds,
            damping=self.damping,
            tolerance=self.tolerance,
            unroll=False,
        )
        status = jnp.where(found.converged, Status.ESTIMATED, Status.UNSETTLED)
        status = jnp.where(found.contradiction, Status.IMPOSSIBLE, status).astype(jnp.int32)
        return Answer(read(found), status, {"rounds": found.rounds, "residual": found.residual})

    def _contradiction(self, value: Array) -> Answer:
        return Answer(value, jnp.int32(Status.IMPOSSIBLE), {})


def automatic(
    network: Network,
    domains: Domains | Array | np.ndarray | None = None,
    *,
    methods: Sequence[Method] = METHODS,
    effort: Effort = EFFORT,
    compile_circuit: Compile = SMALL_CIRCUIT,
    rounds: int = 1000,
    damping: float = 0.5,
    tolerance: float = 1e-4,
) -> Automatic:
    """Chooses who answers about an instance: exact where that is affordable, else approximate.

    Propagation comes first. Then, in this order: elimination of the whole network, if it is narrow
    enough; elimination of the part that propagation left; a circuit of this part; belief
    propagation.

    >>> import jax.numpy as jnp
    >>> from neurosym.problems import Problem
    >>> problem = Problem()
    >>> x = problem.variables("x", shape=3, domain=range(4))
    >>> problem.add(x.sum() == 4)
    >>> choice = automatic(problem.compile())
    >>> choice.method, choice.exact
    (<Method.ELIMINATION: 'elimination'>, True)
    >>> value, status, _ = choice.total(jnp.zeros((3, 4)))
    >>> round(float(jnp.exp(value))), Status(int(status)).name
    (12, 'EXACT')

    Args:
      network: the compiled problem.
      domains: the values that are possible, ``Domains`` or ``bool[V, D]``, concrete; all if None.
      methods: those that may be taken.
      effort: what elimination may cost, here: before a circuit is tried.
      compile_circuit: from the part that is left to its circuit; a ValueError says that the circuit
        is too large. ``neurosym.compile_circuit`` may take much longer than the default, which
        gives up.
      rounds: of messages at most.
      damping: of messages, from 0 to below 1.
      tolerance: at which messages have come to rest.

    Raises:
      ValueError: for domains of another shape or dtype, or that are not concrete.
      TooWideError: if only exact methods are allowed and none of them is affordable.
    """
    unknown = [method for method in methods if method not in METHODS]
    if unknown or not methods:
        names = ", ".join(str(method) for method in METHODS)
        raise ValueError(f"methods are some of {names}, not {list(methods)}")
    whole = NetworkReasoner(network, effort=effort)
    given = whole.allowed(domains)
    if isinstance(given, jax.core.Tracer):
        raise ValueError(
            "domains are concrete: an engine is chosen outside of jit and vmap, for each instance"
        )
    left = propagate(network, given).domains.mask
    tried: list[str] = []

    def chosen(method: Method, reasoner: NetworkReasoner | RestrictedReasoner) -> Automatic:
        why = "; ".join(tried)
        return Automatic(method, why, reasoner, left, rounds, damping, tolerance)

    if not bool(jnp.any(left)):
        tried.append("propagation comes to a contradiction")
        return chosen(Method.PROPAGATION, whole)
    refused: TooWideError | None = None
    if Method.ELIMINATION in methods:
        refused = _refusal(network, effort, Method.ELIMINATION, tried)
        if refused is None:
            return chosen(Method.ELIMINATION, whole)
    small = restrict(network, left, effort=effort)
    if refused is not None and bool(jnp.all(left == network.mask)):
        if Method.RESTRICTED in methods:
            tried.append(f"{Method.RESTRICTED.value}: propagation ruled nothing out")
    elif Method.RESTRICTED in methods:
        refused = _refusal(small.small, effort, Method.RESTRICTED, tried)
        if refused is None:
            return chosen(Method.RESTRICTED, small)
    if Method.CIRCUIT in methods:
        try:
            circuit = compile_circuit(small.small)
        except ValueError as error:
            tried.append(f"{Method.CIRCUIT.value}: {error}")
        else:
            tried.append(f"{Method.CIRCUIT.value}: {circuit.terms:,} products")
            return chosen(Method.CIRCUIT, dataclasses.replace(small, circuit=circuit))
    if Method.MESSAGES in methods:
        tried.append(f"{Method.MESSAGES.value}: approximate, of any width")
        return chosen(Method.MESSAGES, whole)
    if refused is not None:
        raise refused
    raise ValueError("; ".join(tried))


def _refusal(
    network: Network | RestrictedNetwork, effort: Effort, method: Method, tried: list[str]
) -> TooWideError | None:
    """Why elimination in float32 is not affordable; None where it is."""
    try:
        plan = eliminate_within(network, None, bytes_each=4, effort=effort)
    except TooWideError as error:
        tried.append(
            f"{method.value}: too wide, {error.width} indices in one tensor, "
            f"{readable_bytes(error.bytes)}"
        )
        return error
    tried.append(f"{method.value}: {readable_bytes(4 * plan.element_count)} an instance")
    return None


def _exact(value: Array, possible: Array) -> Answer:
    status = jnp.where(possible, Status.EXACT, Status.IMPOSSIBLE).astype(jnp.int32)
    return Answer(value, status, {})
