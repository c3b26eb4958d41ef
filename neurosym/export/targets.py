"""The targets by name: who writes an artefact, and who opens it again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from neurosym.export.artefact import Artefact, Facts, read_facts
from neurosym.export.pipeline import Pipeline
from neurosym.export.safetensors import write_safetensors
from neurosym.export.stablehlo import open_stablehlo, write_stablehlo


class Target(NamedTuple):
    """A way of exporting.

    Attributes:
      write: from a pipeline to a file.
      open: the artefact of a file, to be run; None where the file holds no program.
      description: in a few words.
    """

    write: Callable[[Pipeline, Path], Facts]
    open: Callable[[Path, Facts], Artefact] | None
    description: str


TARGETS = MappingProxyType(
    {
        "stablehlo": Target(
            write_stablehlo, open_stablehlo, "JAX's own export: cpu, cuda and tpu, any batch"
        ),
        "safetensors": Target(write_safetensors, None, "the weights alone, for other frameworks"),
    }
)
"""What `neurosym export --target=NAME` names."""


def write_artefact(pipeline: Pipeline, target: str, path: str | Path) -> Facts:
    """Writes the artefact of a target; returns its facts.

    Raises:
      ValueError: there is no such target, it cannot express the task, or a package is missing.
    """
    if target not in TARGETS:
        raise ValueError(f"there is no target {target!r}; the targets are {', '.join(TARGETS)}")
    return TARGETS[target].write(pipeline, Path(path))


def open_artefact(path: str | Path) -> Artefact:
    """Opens the artefact that a file holds.

    Raises:
      ValueError: it is not an artefact, it cannot be run here, or it holds no program.
    """
    facts = read_facts(path)
    if facts.target not in TARGETS:
        raise ValueError(f"{path} is of the target {facts.target!r}, which this version lacks")
    target = TARGETS[facts.target]
    if target.open is None:
        raise ValueError(f"{path} holds weights and not a program ({facts.target})")
    return target.open(Path(path), facts)
