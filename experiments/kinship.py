"""Kinship: how relations compose is learned from short chains, and used on chains of ten.

A program says that relations compose, and not how: `compose` is a relation over a finite domain, a
tensor that is learned by gradient through the program. The program adds up all orders in which a
chain can be reduced, so an order that needs a composition nobody has seen does no harm.

chain [L] ─▶ step [L+1, R, L+1] ─▶ program over tensors (REAL) ─▶ holds(first, T, last) [R] ─▶ loss
compose [R, R, R]  ─────────────┘
"""

import functools
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns
from experiments._answering import in_batches
from experiments._fields import check_fields
from experiments._files import found_file
from experiments._kinship import LENGTHS, Chains, Kinships, counted, load_kinships
from neurosym.semirings import REAL
from neurosym.training import Split

DATA_FIELDS = {"validation": 0}
MODEL_FIELDS = {"program": None, "none": None, "spread": None}
FLOOR = 1e-30
"""Below this an answer counts as impossible."""


class Compositions(nnx.Module):
    """Logits float32[R, R, R + 1] of what two relations make; the last one is "nothing"."""

    def __init__(self, relations: int, *, none: float, spread: float, rngs: nnx.Rngs) -> None:
        logits = spread * jax.random.normal(rngs.params(), (relations, relations, relations + 1))
        self.logits = nnx.Param(logits.at[..., -1].add(none))


class Kinship:
    """The task of the module's docstring."""

    metric = "accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        check_fields(config.data, DATA_FIELDS, task="kinship", name="data")
        check_fields(config.model, MODEL_FIELDS, task="kinship", name="model")
        self.config, self._data_dir = config, data_dir
        self.program = ns.Program.read(found_file(config.model.program, "model.program"))

    @functools.cached_property
    def kinships(self) -> Kinships:
        """The chains, read when they are first needed."""
        return load_kinships(self._data_dir)

    def chains(self, name: str) -> Chains:
        """The chains of a split; about so many training chains are for validation.

        They are of three relations, and chains of the same relations stay together: validation asks
        for unseen combinations of what shorter chains tell, as the test does.
        """
        if name == "test":
            return self.kinships.test
        train, count = self.kinships.train, int(self.config.data.validation)
        _, pattern = np.unique(train.relations, axis=0, return_inverse=True)
        sizes = np.bincount(pattern.ravel(), weights=train.length == max(train.length))
        order = np.random.default_rng(0).permutation(np.flatnonzero(sizes))
        held = order[np.cumsum(sizes[order]) <= count]
        chosen = np.isin(pattern.ravel(), held) == (name == "validation")
        return Chains(*(own[chosen] for own in train))

    def split(self, name: str) -> Split:
        """Chains, their lengths and targets."""
        return Split(examples=jax.device_put(self.chains(name)._asdict()))

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """How relations compose, unknown at first."""
        own = self.config.model
        relations = len(self.kinships.names)
        return Compositions(relations, none=own.none, spread=own.spread, rngs=rngs)

    def batch(self, examples: dict[str, Array], shared: Any) -> dict[str, Array]:
        """Chains int32[B, L], their lengths int32[B]; targets, to judge by."""
        return dict(examples)

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> Array:
        """What two relations make: log-probabilities float32[R, R, R + 1]."""
        return jax.nn.log_softmax(model.logits[...])

    def answer(self, beliefs: Array, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The log-probability of every relation, float32[B, R], and the likeliest, int32[B]."""
        count, longest = len(self.kinships.names), inputs["relations"].shape[1]
        question = self._question(longest)
        compose = jnp.exp(beliefs[..., :count])
        place = np.arange(longest)

        def one(chain: Array, length: Array) -> Array:
            said = jax.nn.one_hot(chain, count, dtype=jnp.float32)
            step = jnp.zeros((longest + 1, count, longest + 1)).at[place, :, place + 1].set(said)
            found = question(semiring=REAL, step=step, compose=compose).value
            return found.reshape(count, longest + 1)[:, length]

        found = jax.vmap(one)(inputs["relations"], inputs["length"])
        logs = jnp.log(jnp.maximum(found, FLOOR))
        return {"log_probability": jax.nn.log_softmax(logs), "relation": logs.argmax(-1)}

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the targets, given that the chain makes anything."""
        found = self.answer(self.beliefs(model, batch), batch)
        right = (found["relation"] == batch["target"]).astype(jnp.float32).mean()
        return ns.losses.query_nll(found["log_probability"], batch["target"]), {"accuracy": right}

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the likeliest relation is the target."""
        found = self.answer(self.beliefs(model, batch), batch)
        own = jnp.take_along_axis(found["log_probability"], batch["target"][:, None], 1)[:, 0]
        right = (found["relation"] == batch["target"]).astype(jnp.float32)
        return {"accuracy": right, "loss": -own}

    def summarise(self, model: Any, name: str) -> dict[str, float]:
        """The accuracy at each length, and that of counting compositions."""
        chains = self.chains(name)
        if not len(chains.target):
            return {}
        given = in_batches(
            self._relations, (chains.relations, chains.length), model, about=self, size=191
        )
        baseline = counted(self.chains("train"), chains, len(self.kinships.names))
        metrics = {"counting_accuracy": float((baseline == chains.target).mean())}
        for length in LENGTHS:
            own = chains.length == length
            if own.any():
                right = given[own] == chains.target[own]
                metrics[f"accuracy_{length}"] = float(right.mean())
                right = baseline[own] == chains.target[own]
                metrics[f"counting_accuracy_{length}"] = float(right.mean())
        return metrics

    @staticmethod
    def _relations(own: "Kinship", arrays: tuple[Array, Array], model: Any) -> Array:
        inputs = dict(zip(("relations", "length"), arrays, strict=True))
        return own.answer(own.beliefs(model, inputs), inputs)["relation"]

    @functools.cache  # noqa: B019, a task lives as long as its run
    def _question(self, longest: int) -> Any:
        names = self.kinships.names
        people = range(longest + 1)
        domains = {"step/3": (people, names, people), "compose/3": (names, names, names)}
        return self.program.tensors("holds(0, T, N)", domains=domains)
