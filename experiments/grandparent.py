"""Grandparent: the parent relation, found among noisy candidates from who is a grandparent of whom.

The program says how grandparents come of parents. Who is a parent of whom is a tensor to learn:
a probability for each candidate pair, of which most are wrong. The examples are pairs of people and
whether the first one is a grandparent of the second one; no parent is ever labelled.

logits [N, N] ─▶ parent [N, N] ─▶ program over tensors (LOG) ─▶ grandparent [N, N] ─▶ loss
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns
from experiments._fields import check_fields
from experiments._files import found_file
from neurosym.training import Split

DATA_FIELDS = {"generations": 3, "people": 2, "candidates": 0, "test": 1, "seed": 0}
MODEL_FIELDS = {"program": None, "semiring": None, "start": None, "spread": None, "sparsity": None}
LEAST = 1e-6
"""Probabilities stay so far from 0 and 1 in the loss."""


class Family(NamedTuple):
    """Who is a parent of whom, and who might be."""

    parent: np.ndarray  # bool[N, N]
    candidate: np.ndarray  # bool[N, N]: parents and others
    grandparent: np.ndarray  # bool[N, N]


def family(*, generations: int, people: int, candidates: int, seed: int) -> Family:
    """A random family: all but the first generation have parents, all but the last children.

    Two parents are drawn for each; where both draws name one person, there is one.

    Args:
      generations: how many.
      people: of each.
      candidates: pairs that are candidates and no parents.
      seed: decides it.
    """
    chance = np.random.default_rng(seed)
    count = generations * people
    parent = np.zeros((count, count), bool)
    for generation in range(1, generations):
        above = (generation - 1) * people + np.arange(people)
        own = generation * people + np.arange(people)
        couples = zip(chance.permutation(above), np.roll(chance.permutation(above), 1), strict=True)
        for child, (one, other) in zip(own, couples, strict=True):
            parent[[one, other], child] = True
    others = np.flatnonzero(~parent & ~np.eye(count, dtype=bool))
    candidate = parent.copy()
    candidate.flat[chance.choice(others, candidates, replace=False)] = True
    grandparent = (parent.astype(int) @ parent.astype(int)) > 0
    return Family(parent, candidate, grandparent)


class Parents(nnx.Module):
    """Logits float32[N, N] of who is a parent of whom."""

    def __init__(self, count: int, *, start: float, spread: float, rngs: nnx.Rngs) -> None:
        logits = spread * jax.random.normal(rngs.params(), (count, count))
        self.logits = nnx.Param(start + logits)


class Grandparent:
    """The task of the module's docstring."""

    metric = "accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        check_fields(config.data, DATA_FIELDS, task="grandparent", name="data")
        check_fields(config.model, MODEL_FIELDS, task="grandparent", name="model")
        self.config = config
        own = config.data
        self.family = family(
            generations=int(own.generations),
            people=int(own.people),
            candidates=int(own.candidates),
            seed=int(own.seed),
        )
        self.count = len(self.family.parent)
        program = ns.Program.read(found_file(config.model.program, "model.program"))
        self.semiring = ns.semiring_by_name(config.model.semiring)
        domains = {"parent/2": (self.count, self.count)}
        self.question = program.tensors("grandparent(X, Z)", domains=domains)

    @functools.cached_property
    def _order(self) -> np.ndarray:
        return np.random.default_rng(int(self.config.data.seed)).permutation(self.count**2)

    def split(self, name: str) -> Split:
        """Pairs int32[n], by number, and whether the first is a grandparent of the second."""
        held_out = int(self.config.data.test)
        chosen = {"train": self._order[held_out:], "test": self._order[:held_out]}
        pair = chosen.get(name, self._order[:0]).astype(np.int32)
        label = self.family.grandparent.reshape(-1)[pair].astype(np.int32)
        return Split(examples=jax.device_put({"pair": pair, "label": label}))

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """All candidates are about as likely."""
        own = self.config.model
        start, spread = float(own.start), float(own.spread)
        return Parents(self.count, start=start, spread=spread, rngs=rngs)

    def batch(self, examples: dict[str, Array], shared: Any) -> dict[str, Array]:
        """Pairs and labels as they are."""
        return dict(examples)

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> Array:
        """Log-probabilities float32[N, N] that one is a parent of another; -inf off candidates."""
        return jnp.where(self.family.candidate, jax.nn.log_sigmoid(model.logits[...]), -jnp.inf)

    def answer(self, beliefs: Array, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """How likely each pair is, in logs, float32[B].

        In LOG the derivations of a pair add up as if no two held at once: a bound, which may be
        over 0. In MAX_TIMES it is the log-probability of the best one.
        """
        found = self.question(semiring=self.semiring, parent=beliefs).value
        return {"log_probability": found[inputs["pair"]]}

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """Cross entropy of the labels, and what candidates cost that nothing speaks of."""
        beliefs = self.beliefs(model, batch)
        loss, right = self._judged(beliefs, batch)
        parents = jnp.exp(beliefs).sum() / self.count
        return loss.mean() + self.config.model.sparsity * parents, {"accuracy": right.mean()}

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the pair is judged right, at one half."""
        loss, right = self._judged(self.beliefs(model, batch), batch)
        return {"accuracy": right, "loss": loss}

    def summarise(self, model: Any, name: str) -> dict[str, float]:
        """How well parents were recovered among the candidates."""
        found = np.asarray(self.beliefs(model, {})) > np.log(0.5)
        right = (found & self.family.parent).sum()
        return {
            "parent_precision": float(right / max(found.sum(), 1)),
            "parent_recall": float(right / self.family.parent.sum()),
            "candidate_precision": float(self.family.parent.sum() / self.family.candidate.sum()),
        }

    def _judged(self, beliefs: Array, batch: dict[str, Array]) -> tuple[Array, Array]:
        p = jnp.exp(self.answer(beliefs, batch)["log_probability"])
        p = jnp.clip(p, LEAST, 1 - LEAST)
        label = batch["label"] == 1
        loss = -jnp.log(jnp.where(label, p, 1 - p))
        return loss, ((p > 0.5) == label).astype(jnp.float32)
