"""Why: what cannot hold together, and how a solution follows step by step."""

from neurosym.explanations.conflict import Conflict, conflict
from neurosym.explanations.derivation import Derivation, Step, explain
from neurosym.explanations.sentences import sentences

__all__ = ["Conflict", "Derivation", "Step", "conflict", "explain", "sentences"]
