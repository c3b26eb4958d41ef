"""The border between soft and hard: an encoder's beliefs become weights, samples or domains.

``bridge(logits, *, key, temperature, mask)`` maps logits float[..., V, D] to log-weights
float[..., V, D] for soft reasoning; :func:`to_domains` maps them to hard
:class:`neurosym.bits.Domains` for propagation and search.
"""

from neurosym.bridge.domains import (
    HardDomains,
    Rule,
    restored_share,
    sampled,
    to_domains,
    top_k,
    within,
)
from neurosym.bridge.factory import BRIDGES, RULES, make_bridge, make_rule
from neurosym.bridge.gumbel import gumbel_softmax
from neurosym.bridge.log_weights import Bridge
from neurosym.bridge.schedule import SCHEDULES, Schedule, make_schedule
from neurosym.bridge.softmax import softmax
from neurosym.bridge.straight_through import straight_through, straight_through_probabilities

__all__ = [
    "BRIDGES",
    "RULES",
    "SCHEDULES",
    "Bridge",
    "HardDomains",
    "Rule",
    "Schedule",
    "gumbel_softmax",
    "make_bridge",
    "make_rule",
    "make_schedule",
    "restored_share",
    "sampled",
    "softmax",
    "straight_through",
    "straight_through_probabilities",
    "to_domains",
    "top_k",
    "within",
]
