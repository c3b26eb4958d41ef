"""The target `safetensors`: the weights of a run's encoder alone, for PyTorch, candle, burn, Keras.

The names and layouts are those of `neurosym.training.weights`; `--config.init_from=FILE` reads them
again.
"""

from __future__ import annotations

from pathlib import Path

from neurosym.export.artefact import Facts, facts_of, prepared_folder, write_facts
from neurosym.export.pipeline import Pipeline
from neurosym.training.weights import require_safetensors, weights_of, write_weights


def write_safetensors(pipeline: Pipeline, path: str | Path) -> Facts:
    """Writes the parameters of a pipeline's model, and the facts beside the file.

    Args:
      pipeline: of a finished run.
      path: of the file to write.

    Returns:
      The facts; `further["weights_shapes"]` has the shape of each array in the file.

    Raises:
      ValueError: the package is missing, two parameters have one name, or the path is a folder.
    """
    path = Path(path)
    require_safetensors()
    shapes = {name: list(array.shape) for name, array in weights_of(pipeline.model).items()}
    facts = facts_of(
        pipeline, "safetensors", batch="any", reasoning="left out", weights_shapes=shapes
    )
    prepared_folder(path)
    head = {"task": facts.task, "weights": facts.weights, "revision": facts.revision or ""}
    write_weights(pipeline.model, path, head)
    write_facts(path, facts)
    return facts
