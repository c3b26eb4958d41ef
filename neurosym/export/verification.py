"""`verify`: an artefact against the JAX pipeline, example by example.

Floats may differ by 1e-5, because two compilers add up in different orders. Whatever is an integer
or a Boolean, such as a board after the decision, is the same bit for bit. Infinities are the same,
and so are numbers that are not numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from neurosym.export.artefact import Artefact
from neurosym.export.pipeline import Pipeline

TOLERANCE = 1e-5
"""How far two floats may be apart, relative to the larger of 1 and the true one."""

BATCH = 100


class Mismatch(NamedTuple):
    """The first place where artefact and pipeline disagree.

    Attributes:
      example: its index.
      output: its name.
      expected: what JAX says, of this example.
      found: what the artefact says.
    """

    example: int
    output: str
    expected: np.ndarray
    found: np.ndarray


class Verification(NamedTuple):
    """What was found.

    Attributes:
      examples: how many were compared.
      differences: by output, the largest difference; of integers and Booleans, the number of
        examples that differ.
      mismatched: by output, the number of examples beyond the tolerance.
      first: the first mismatch, by example; None where all agree.
    """

    examples: int
    differences: dict[str, float]
    mismatched: dict[str, int]
    first: Mismatch | None


def verify(
    artefact: Artefact,
    pipeline: Pipeline,
    inputs: Mapping[str, np.ndarray],
    *,
    tolerance: float = TOLERANCE,
) -> Verification:
    """Compares an artefact with the pipeline that it was made of.

    Args:
      artefact: of any target.
      pipeline: of the run.
      inputs: arrays ``[N, ...]`` by name; `Pipeline.examples` has those of the test set.
      tolerance: of floats.

    Raises:
      ValueError: the artefact was made of other weights, another task or another form of inputs.
    """
    require_same_origin(artefact, pipeline)
    pipeline.check(inputs)
    # A search that stops at its limit depends on its companions in the batch: like with like.
    alone = artefact.facts.reasoning == "one by one"
    reference = jax.jit(pipeline.one_by_one if alone else pipeline.__call__)
    count = len(next(iter(inputs.values())))
    step = artefact.facts.batch if isinstance(artefact.facts.batch, int) else min(BATCH, count)
    differences = dict.fromkeys((field.name for field in pipeline.outputs), 0.0)
    mismatched = dict.fromkeys(differences, 0)
    first: Mismatch | None = None
    for start in range(0, count, step):
        # The last part is filled up with its last example, so that one program serves all.
        places = np.minimum(np.arange(start, start + step), count - 1)
        part = {name: np.asarray(array)[places] for name, array in inputs.items()}
        own = min(step, count - start)
        expected, found = jax.device_get(reference(part)), artefact(part)
        for field in pipeline.outputs:
            name = field.name
            pair = expected[name][:own], found[name][:own]
            largest, wrong = _compare(*pair, tolerance)
            if pair[0].dtype.kind == "f":
                differences[name] = max(differences[name], largest)
            else:
                differences[name] += float(wrong.sum())
            mismatched[name] += int(wrong.sum())
            if wrong.any():
                place = int(wrong.argmax())
                if first is None or start + place < first.example:
                    first = Mismatch(start + place, name, pair[0][place], pair[1][place])
    return Verification(count, differences, mismatched, first)


def require_same_origin(artefact: Artefact, pipeline: Pipeline) -> None:
    """Raises ValueError unless an artefact was made of the task and weights of the pipeline."""
    facts, path = artefact.facts, artefact.path
    if facts.task != pipeline.name:
        raise ValueError(f"{path} is of the task {facts.task}, and the run of {pipeline.name}")
    for what in ("inputs", "outputs"):
        theirs, ours = getattr(facts, what), getattr(pipeline, what)
        if sorted(theirs) != sorted(ours):
            raise ValueError(
                f"the {what} of {path} are {', '.join(map(str, theirs))}; those of the run are "
                f"{', '.join(map(str, ours))}: export it again"
            )
    if facts.weights != pipeline.weights:
        raise ValueError(
            f"{path} was made of other weights than the run's best "
            f"({facts.weights[:12]} there, {pipeline.weights[:12]} here): export it again"
        )


def _compare(expected: np.ndarray, found: np.ndarray, tolerance: float) -> tuple[float, np.ndarray]:
    """The largest difference of floats, and bool[n]: the example disagrees."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return float("inf"), np.ones(len(expected), bool)
    if expected.dtype.kind != "f":
        return 0.0, (expected != found).reshape(len(expected), -1).any(1)
    same = (expected == found) | (np.isnan(expected) & np.isnan(found))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(found - expected))
    apart = np.where(np.isnan(apart), np.inf, apart).reshape(len(expected), -1)
    scale = np.where(np.isfinite(expected), np.maximum(1, np.abs(expected)), 1)
    wrong = np.asarray((apart > tolerance * scale.reshape(len(expected), -1)).any(1))
    return float(apart.max(initial=0.0)), wrong
