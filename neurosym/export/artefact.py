"""An artefact: a file that a target made of a pipeline, with the facts that are kept beside it.

vs.stablehlo          what the target's tool runs
vs.stablehlo.json     inputs, outputs, weights, versions, revision: `Facts`
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neurosym.export.pipeline import Field, Pipeline, check_inputs
from neurosym.training.files import not_what, read_json, write_json
from neurosym.training.result import revision, versions

FORMAT = 1
"""Of the facts; another number is refused."""

_WHAT = "the facts of an exported artefact"


@dataclasses.dataclass(frozen=True)
class Facts:
    """What an artefact is, in a file of JSON beside it.

    Attributes:
      format: of these facts.
      target: that made it.
      task: the name of the task.
      inputs: by name, with shape and type for one example.
      outputs: likewise.
      batch: "any", or how many examples it takes at once.
      reasoning: "whole batch" or "one by one".
      weights: SHA-256 of the parameters, as of `Pipeline.weights`.
      versions: of Python and of the packages that made it.
      revision: of the source; None without git.
      further: what only this target has to say.
    """

    format: int
    target: str
    task: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    batch: str | int
    reasoning: str
    weights: str
    versions: dict[str, str]
    revision: str | None
    further: dict[str, Any] = dataclasses.field(default_factory=dict)


class Artefact(NamedTuple):
    """An artefact that was opened.

    Attributes:
      path: of its file.
      facts: beside it.
      run: from arrays ``[B, ...]`` by name to arrays by name, in the target's own tool.
    """

    path: Path
    facts: Facts
    run: Callable[[Mapping[str, np.ndarray]], Mapping[str, np.ndarray]]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name.

        Raises:
          ValueError: an input is missing, or has another shape or type.
        """
        check_inputs(self.facts.inputs, inputs)
        found = self.run(inputs)
        return {field.name: np.asarray(found[field.name]) for field in self.facts.outputs}


def facts_of(
    pipeline: Pipeline, target: str, *, batch: str | int, reasoning: str, **further: Any
) -> Facts:
    """The facts of an artefact that is made now."""
    return Facts(
        FORMAT,
        target,
        pipeline.name,
        pipeline.inputs,
        pipeline.outputs,
        batch,
        reasoning,
        pipeline.weights,
        versions(),
        revision(),
        further,
    )


def facts_path(path: Path) -> Path:
    """Where the facts of an artefact lie.

    >>> facts_path(Path("vs.stablehlo")).as_posix()
    'vs.stablehlo.json'
    """
    return path.with_name(f"{path.name}.json")


def write_facts(path: Path, facts: Facts) -> None:
    """Writes the facts of the artefact at `path` beside it."""
    write_json(facts_path(path), dataclasses.asdict(facts))


def read_facts(path: str | Path) -> Facts:
    """The facts of the artefact at `path`.

    Raises:
      ValueError: there is no artefact or no facts beside it, or they are not those of an artefact.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"there is no artefact {path}")
    place = facts_path(path)
    if not place.is_file():
        raise ValueError(
            f"{path} has no {place.name} beside it, which `neurosym export` writes: its inputs "
            "and weights are not known"
        )
    content = read_json(place, _WHAT)
    if content.get("format") != FORMAT:
        reason = f"its format is {content.get('format')!r}, this version reads {FORMAT}"
        raise not_what(place, _WHAT, reason, "Export it again.")
    try:
        for name in ("inputs", "outputs"):
            content[name] = tuple(
                Field(own, tuple(shape), dtype) for own, shape, dtype in content[name]
            )
        return Facts(**content)
    except (KeyError, TypeError, ValueError) as error:
        raise not_what(place, _WHAT, error, "Export it again.") from error


def prepared_folder(path: Path) -> None:
    """Makes the folder of a file to come; raises ValueError where `path` is a folder itself."""
    if path.is_dir():
        raise ValueError(f"{path} is a folder; the output is a file")
    path.parent.mkdir(parents=True, exist_ok=True)
