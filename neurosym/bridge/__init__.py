"""The border between soft and hard: an encoder's beliefs become weights, samples or domains.

``bridge(logits, *, key, temperature, mask)`` maps logits float[..., V, D] to log-weights
float[..., V, D] for soft reasoning; :func:`to_domains` maps them to hard
:class:`neurosym.bits.Domains` for propagation and search. An :class:`Estimator` is the whole way
across a discrete decision and back: from logits and evidence to a log-likelihood to differentiate.
"""

from neurosym.bridge.belief_propagation import belief_propagation
from neurosym.bridge.domains import (
    HardDomains,
    Rule,
    restored_share,
    sampled,
    to_domains,
    top_k,
    within,
)
from neurosym.bridge.enumerated import enumerated
from neurosym.bridge.estimator import Estimate, Estimator, of_question
from neurosym.bridge.exact import exact
from neurosym.bridge.factory import (
    BRIDGES,
    ESTIMATORS,
    RULES,
    make_bridge,
    make_estimator,
    make_rule,
)
from neurosym.bridge.gumbel import gumbel_softmax
from neurosym.bridge.implicit_mle import implicit_mle
from neurosym.bridge.log_weights import Bridge, softmax
from neurosym.bridge.noise import Noise, gumbel_noise, sum_of_gamma_noise
from neurosym.bridge.perturb_and_map import perturb_and_map
from neurosym.bridge.pruned import Survivors, pruned, survivors
from neurosym.bridge.relaxed import relaxed
from neurosym.bridge.schedule import SCHEDULES, Schedule, make_schedule
from neurosym.bridge.score_function import score_function
from neurosym.bridge.straight_through import straight_through, straight_through_probabilities
from neurosym.bridge.top_k_assignments import top_k_assignments

# Whom estimators ask is documented in `neurosym.reasoning`; it can be had from here as well.
from neurosym.reasoning.circuit import CircuitReasoner as CircuitReasoner
from neurosym.reasoning.network import NetworkReasoner as NetworkReasoner
from neurosym.reasoning.protocols import Enumerated as Enumerated
from neurosym.reasoning.protocols import Pruned as Pruned
from neurosym.reasoning.protocols import Reasoner as Reasoner
from neurosym.reasoning.question import Question as Question
from neurosym.reasoning.solvers import Solver as Solver
from neurosym.reasoning.solvers import branch_and_bound as branch_and_bound
from neurosym.reasoning.solvers import elimination as elimination

__all__ = [
    "BRIDGES",
    "ESTIMATORS",
    "RULES",
    "SCHEDULES",
    "Bridge",
    "Estimate",
    "Estimator",
    "HardDomains",
    "Noise",
    "Rule",
    "Schedule",
    "Survivors",
    "belief_propagation",
    "enumerated",
    "exact",
    "gumbel_noise",
    "gumbel_softmax",
    "implicit_mle",
    "make_bridge",
    "make_estimator",
    "make_rule",
    "make_schedule",
    "of_question",
    "perturb_and_map",
    "pruned",
    "relaxed",
    "restored_share",
    "sampled",
    "score_function",
    "softmax",
    "straight_through",
    "straight_through_probabilities",
    "sum_of_gamma_noise",
    "survivors",
    "to_domains",
    "top_k",
    "top_k_assignments",
    "within",
]
