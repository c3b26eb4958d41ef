"""A logic program as a task: its networks and its probabilities t(...) learn from its answers.

The config names a program, a question and a data set. Each input of a network gets an image, the
program turns what the networks say into the distribution of the answer, and the likelihood of the
observed answer trains the networks and the learnable probabilities. No input is ever labelled.

inputs [N] of each network ─▶ encoder ─▶ logits [N, K] ─▶ program ─▶ log P(answer) [Q] ─▶ loss
"""

import functools
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jax import Array

import neurosym as ns
from experiments._answering import answers, split_answers
from experiments._fields import check_fields
from experiments._files import found_file
from experiments._images import FORMATS, encode, filled_up
from experiments._program_data import IMAGE_SETS, group, load_pools, read_arrays, true_answers
from neurosym.programs import ProgramQuery
from neurosym.programs.learning import initial_logits, log_parameters
from neurosym.training import Split

# What sections of the config consist of, with the least value of what is a number.
PROGRAM_FIELDS = {"file": None, "query": None}
DATA_FIELDS = {
    "dataset": None,
    "final": None,
    "validation": 0,
    "validation_groupings": 1,
    "grouping_seed": 0,
}
SHOWN = 12


class LearningProgram(nnx.Module):
    """An encoder for each network, and the logits of the learnable probabilities."""

    def __init__(self, encoders: Mapping[str, nnx.Module], logits: Mapping[str, Array]) -> None:
        self.encoders = nnx.Dict(**encoders)
        self.logits = nnx.Dict({_slug(group): nnx.Param(own) for group, own in logits.items()})


class ProgramTask:
    """The task of the module's docstring."""

    metric = "answer_accuracy"

    def __init__(self, config: ml_collections.ConfigDict, *, data_dir: str | None = None) -> None:
        check_fields(config.program, PROGRAM_FIELDS, task="a program", name="program")
        check_fields(config.data, DATA_FIELDS, task="a program", name="data")
        self.config, self._data_dir = config, data_dir
        program = ns.Program.read(found_file(config.program.file, "program.file"))
        self.question = program.compile(config.program.query or None)
        if not self.question.networks:
            raise ValueError(
                "the question asks no network: what has probabilities alone is learned by "
                "`neurosym learn`"
            )
        query = config.program.query or " ".join(self.question.answers[:1])
        self.rows = _rows(self.question, query)
        self.columns = {
            name: [self.rows.index((name, row)) for row in range(len(own))]
            for name, own in self.question.networks.items()
        }
        dataset = config.data.dataset
        self.format = FORMATS.get(dataset) if dataset in IMAGE_SETS else None
        self.augmentation = None
        if self.format is not None:
            background = self.format.background
            self.augmentation = ns.encoders.make_augmentation(
                config.get("augmentation"), background=background
            )

    @functools.cached_property
    def pools(self) -> Mapping[str, Any]:
        """The images of each split, loaded when they are first needed."""
        data = self.config.data
        held_out, final = int(data.validation), bool(data.final)
        return load_pools(data.dataset, held_out=held_out, final=final, data_dir=self._data_dir)

    @functools.cached_property
    def arrays(self) -> dict[str, dict[str, np.ndarray]]:
        """The inputs and answers of a file, of each split."""
        return read_arrays(found_file(self.config.data.dataset, "data.dataset"), self.question)

    @functools.cached_property
    def _pixels(self) -> dict[str, tuple[float, float]]:
        """Mean and deviation of the training inputs of each network, of a file."""
        train = self.arrays["train"]
        return {
            name: (float(train[name].mean()), float(train[name].std()) or 1.0)
            for name in self.question.networks
        }

    def split(self, name: str) -> Split:
        """Examples of a split: images dealt out to inputs, or those of the file."""
        if self.format is None:
            own = self.arrays.get(name)
            if own is None:
                own = {key: value[:0] for key, value in self.arrays["train"].items()}
            return Split(examples=jax.tree.map(jax.device_put, own))
        data, pool = self.config.data, self.pools[name]
        values = [self.question.terms_of(network) for network, _ in self.rows]
        groupings = int(data.validation_groupings) if name == "validation" else None
        found = group(pool, values, seed=int(data.grouping_seed), groupings=groupings)
        seed = int(data.grouping_seed)
        answer = np.zeros(0, np.int32)
        if len(found.index):
            answer = true_answers(self.question, self.rows, found.values, seed=seed)
        count = max(len(self.pools[other].labels) for other in ("validation", "test"))
        return Split(
            examples=jax.device_put(
                {"index": found.index, "values": found.values, "answer": answer}
            ),
            shared=jax.device_put({"images": filled_up(pool.images, name, count)}),
        )

    def model(self, rngs: nnx.Rngs) -> nnx.Module:
        """An encoder for each network; learnable probabilities where the program starts them."""
        encoders = {}
        for name in self.question.networks:
            classes = self.question.values(name)
            if self.format is not None:
                encoders[name] = self.format.encoder(self.config.encoder, classes, rngs)
                continue
            options = dict(self.config.encoder)
            shape = self.arrays["train"][name].shape[2:]
            size = shape if len(shape) > 1 else (1, *shape)
            encoders[name] = ns.encoders.make_encoder(
                options.pop("name"), image_size=size, classes=classes, rngs=rngs, **options
            )
        return LearningProgram(encoders, initial_logits(self.question))

    def batch(self, examples: dict[str, Array], shared: Any) -> dict[str, Array]:
        """Inputs float32[B, N, H, W] by the network's name; answers and values, to judge by."""
        truth = {key: examples[key] for key in ("answer", "values") if key in examples}
        if self.format is not None:
            images = self.format.normalise(shared["images"][examples["index"]])
            return {"images": images, **truth}
        found = {}
        for name in self.question.networks:
            mean, deviation = self._pixels[name]
            own = (examples[name].astype(jnp.float32) - mean) / deviation
            found[name] = own if own.ndim > 3 else own[:, :, None]
        return {**found, **truth}

    def beliefs(self, model: Any, inputs: Mapping[str, Any]) -> dict[str, Array]:
        """Logits float32[B, N, K] of each network; of t(...), float32[F] by their places."""
        found = {}
        for name, columns in self.columns.items():
            if self.format is None:
                own = inputs[name]
            elif columns == list(range(len(self.rows))):
                own = inputs["images"]
            else:
                own = inputs["images"][:, np.asarray(columns)]
            found[name] = encode(model.encoders[name], own)
        for group_ in self.question.groups:
            found[_slug(group_)] = model.logits[_slug(group_)][...]
        return found

    def answer(self, beliefs: dict[str, Array], inputs: Mapping[str, Any]) -> dict[str, Array]:
        """The log-probability of every answer, float32[B, Q], and the likeliest, int32[B].

        A question of one atom has two answers: it holds, or it does not.
        """
        networks = {name: jax.nn.log_softmax(beliefs[name]) for name in self.question.networks}
        logits = {own: beliefs[_slug(own)] for own in self.question.groups}
        parameters = log_parameters(self.question, logits) if logits else None
        found = self.question(parameters=parameters, **networks)
        if found.shape[-1] == 1:
            found = jnp.concatenate([found, _log_complement(found)], axis=-1)
        return {"log_probability": found, "answer": found.argmax(-1)}

    def loss(
        self, model: Any, batch: dict[str, Array], *, key: Array, step: Array
    ) -> tuple[Array, dict[str, Array]]:
        """The negative log-likelihood of the answers, in nats."""
        inputs = batch
        if self.augmentation is not None:
            augmenting, _ = jax.random.split(key)
            inputs = {"images": self.augmentation(batch["images"], augmenting)}
        found = self.answer(self.beliefs(model, inputs), inputs)
        right = (found["answer"] == batch["answer"]).astype(jnp.float32).mean()
        return ns.losses.query_nll(found["log_probability"], batch["answer"]), {
            "answer_accuracy": right
        }

    def evaluate(self, model: Any, batch: dict[str, Array]) -> dict[str, Array]:
        """Whether the likeliest answer is right; the share of inputs read right, where known."""
        beliefs = self.beliefs(model, batch)
        found = self.answer(beliefs, batch)
        own = jnp.take_along_axis(found["log_probability"], batch["answer"][:, None], 1)[:, 0]
        metrics = {
            "answer_accuracy": (found["answer"] == batch["answer"]).astype(jnp.float32),
            "loss": -jnp.maximum(own, -ns.losses.IMPOSSIBLE),
        }
        if "values" in batch:
            right = [
                beliefs[name].argmax(-1) == batch["values"][:, np.asarray(columns)]
                for name, columns in self.columns.items()
            ]
            metrics["input_accuracy"] = jnp.concatenate(right, axis=1).astype(jnp.float32).mean(1)
        return metrics

    def pictures(self, model: Any, workdir: Path) -> list[Path]:
        """A grid of test examples with their answers, mistakes first; of images alone."""
        if self.format is None:
            return []
        split = self.split("test")
        _, found = split_answers(self, model, split, keep=("answer",))
        given, truth = found["answer"], np.asarray(split.examples["answer"])
        order = np.argsort(given == truth, kind="stable")[:SHOWN]
        images = np.asarray(split.shared["images"])[np.asarray(split.examples["index"])[order]]
        titles = [
            self._text(given[n])
            + ("" if given[n] == truth[n] else f"\ntruth {self._text(truth[n])}")
            for n in order
        ]
        path = ns.plots.example_grid(
            images,
            titles,
            (given == truth)[order],
            workdir / "examples.png",
            heading=f"The likeliest answers to {self.config.program.query}",
            noun="examples",
        )
        return [path]

    def predict(self, model: Any, paths: Sequence[Path]) -> dict[str, object]:
        """Reads an image for each input, in the order in which the query names them."""
        if self.format is None:
            raise ValueError("a program on a file of arrays reads no pictures")
        names = [self.question.inputs(name)[row] for name, row in self.rows]
        listed = ", ".join(" ".join(map(str, own)) for own in names)
        if len(paths) != len(names):
            raise ValueError(f"give an image for each of {listed}: {len(names)}, not {len(paths)}")
        images = self.format.normalise(self.format.load(paths))
        beliefs, found = answers(self, model, {"images": images[None]})
        given = int(found["answer"][0])
        read = []
        for name, row in self.rows:
            value = int(np.asarray(beliefs[name])[0, row].argmax())
            read.append(str(self.question.terms_of(name)[value]))
        return {
            "inputs": listed,
            "read": ", ".join(read),
            "answer": self._text(given),
            "confidence": round(float(np.exp(found["log_probability"][0, given])), 4),
        }

    def _text(self, answer: int) -> str:
        texts = self.question.answers
        if len(texts) == 1:
            return texts[0] if answer == 0 else f"not {texts[0]}"
        return texts[answer]


def _rows(question: ProgramQuery, query: str) -> list[tuple[str, int]]:
    """The inputs of all networks, in the order in which a query names them."""
    found = []
    for name in question.networks:
        for row, own in enumerate(question.inputs(name)):
            named = re.search(rf"\b{re.escape(str(own[-1]))}\b", query) if own else None
            place = named.start() if named else len(query)
            found.append((place, len(found), name, row))
    return [(name, row) for _, _, name, row in sorted(found)]


def _slug(group_: str) -> str:
    """A name for the place of a clause, "LINE:COLUMN", that a module takes."""
    return "t_" + group_.replace(":", "_")


def _log_complement(log_probability: Array) -> Array:
    """log(1 - exp(x)), with a gradient that is finite where x is 0 or -inf."""
    x = jnp.clip(log_probability, -80.0, -1e-7)
    return jnp.log(-jnp.expm1(x))
