"""The target `stablehlo`: JAX's own export, for CPU, CUDA and TPU and for batches of any size.

    vs.stablehlo          jax.export.deserialize(bytes).call({"images": ..., "position": ...})
    vs.stablehlo.mlir     the same module as StableHLO's text
    vs.stablehlo.json     the facts

A file of `jax.export` expires: a release of JAX reads those of a limited time before it. The text
and the versions that made it stay beside it for that day.
https://docs.jax.dev/en/latest/export/export.html#compatibility-guarantees
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax import export

from neurosym.export.artefact import (
    Artefact,
    Facts,
    facts_of,
    prepared_folder,
    write_facts,
)
from neurosym.export.pipeline import Pipeline
from neurosym.training.files import write_bytes, write_text

PLATFORMS = ("cpu", "cuda", "tpu")

_BATCH = "b"


class StableHLO:
    """A module that `jax.export` read back; called as the artefact's own tool."""

    def __init__(self, exported: export.Exported) -> None:
        """Compiles nothing yet."""
        self.exported = exported
        self._call = jax.jit(exported.call)

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs by name, of arrays ``[B, ...]``."""
        return jax.device_get(self._call(dict(inputs)))


def write_stablehlo(
    pipeline: Pipeline, path: str | Path, *, platforms: Sequence[str] = PLATFORMS
) -> Facts:
    """Exports a pipeline; nothing is written where that fails.

    Args:
      pipeline: of a finished run.
      path: of the file to write; the text and the facts lie beside it.
      platforms: that the module is for.

    Returns:
      The facts.

    Raises:
      ValueError: JAX cannot export the pipeline, or the path is a folder.
      ModuleNotFoundError: the extra `export` is missing.
    """
    path = Path(path)
    _require_flatbuffers()
    exported, reasoning = _exported(pipeline, platforms)
    content = bytes(exported.serialize())
    facts = facts_of(
        pipeline,
        "stablehlo",
        batch="any",
        reasoning=reasoning,
        platforms=list(exported.platforms),
        calling_convention=exported.calling_convention_version,
    )
    prepared_folder(path)
    write_bytes(path, content)
    write_text(path.with_name(f"{path.name}.mlir"), exported.mlir_module())
    write_facts(path, facts)
    return facts


def open_stablehlo(path: Path, facts: Facts) -> Artefact:
    """Reads an artefact back.

    Raises:
      ValueError: this JAX does not read the file, or it is not for this platform.
    """
    _require_flatbuffers()
    try:
        exported = export.deserialize(bytearray(path.read_bytes()))
    except Exception as error:  # flatbuffers raises whatever the bytes lead it to
        made = facts.versions.get("jax", "an unknown version")
        raise ValueError(
            f"{path} cannot be read by JAX {jax.__version__} (JAX {made} wrote it, and such files "
            f"expire): export it again, or use the text in {path.name}.mlir. {error}"
        ) from error
    if jax.default_backend() not in ("gpu", *exported.platforms):
        raise ValueError(
            f"{path} is for {', '.join(exported.platforms)}, and this is {jax.default_backend()}"
        )
    return Artefact(path, facts, StableHLO(exported))


def _exported(pipeline: Pipeline, platforms: Sequence[str]) -> tuple[export.Exported, str]:
    """The module, and how its reasoner sees a batch."""
    (size,) = export.symbolic_shape(_BATCH)
    inputs = {
        field.name: jax.ShapeDtypeStruct((size, *field.shape), np.dtype(field.dtype))
        for field in pipeline.inputs
    }
    # A task may be one that looks at the number of its examples: those of a search do.
    forms: list[tuple[str, Callable[[Any], dict[str, Any]]]] = [
        ("whole batch", pipeline.__call__),
        ("one by one", pipeline.one_by_one),
    ]
    for reasoning, function in forms:
        try:
            return export.export(jax.jit(function), platforms=platforms)(inputs), reasoning
        except Exception as error:  # whatever a task's own code does with a symbol
            failure = error
    reason = (str(failure).splitlines() or [""])[0]
    raise ValueError(
        f"the task {pipeline.name} cannot be exported as stablehlo: "
        f"{type(failure).__name__}: {reason}"
    ) from failure


def _require_flatbuffers() -> None:
    try:
        import flatbuffers  # noqa: F401
    except ModuleNotFoundError as error:
        raise ValueError(
            "the target stablehlo needs the package flatbuffers: pip install 'neurosym[export]'"
        ) from error
