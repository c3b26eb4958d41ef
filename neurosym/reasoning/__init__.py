"""Who answers a question: networks, circuits and solvers behind the same small protocols.

A `Question` holds everything that is asked about one instance. Whoever can answer it implements the
protocols of `neurosym.reasoning.protocols`, and whoever asks sees nothing but these.
"""

from neurosym.hard.batches import Solved, solve_batches
from neurosym.reasoning.answer import CIRCUIT, EXACT, Answerer, Engine, make_answerer
from neurosym.reasoning.automatic import Automatic, Method, automatic
from neurosym.reasoning.circuit import CircuitReasoner
from neurosym.reasoning.network import NetworkReasoner
from neurosym.reasoning.protocols import (
    Enumerated,
    HasBeliefs,
    HasBest,
    HasJudgement,
    HasKBest,
    HasMarginals,
    HasPruning,
    HasSolutions,
    HasTotal,
    Pruned,
    Reasoner,
)
from neurosym.reasoning.question import Answer, Question, Status
from neurosym.reasoning.restricted import RestrictedReasoner, restrict
from neurosym.reasoning.solvers import Solver, branch_and_bound, elimination

__all__ = [
    "CIRCUIT",
    "EXACT",
    "Answer",
    "Answerer",
    "Automatic",
    "CircuitReasoner",
    "Engine",
    "Enumerated",
    "HasBeliefs",
    "HasBest",
    "HasJudgement",
    "HasKBest",
    "HasMarginals",
    "HasPruning",
    "HasSolutions",
    "HasTotal",
    "Method",
    "NetworkReasoner",
    "Pruned",
    "Question",
    "Reasoner",
    "RestrictedReasoner",
    "Solved",
    "Solver",
    "Status",
    "automatic",
    "branch_and_bound",
    "elimination",
    "make_answerer",
    "restrict",
    "solve_batches",
]
