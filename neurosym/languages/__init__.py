"""Models and formats of other people, as problems, formulas and networks with potentials.

Models of CPMpy have a room of their own, `neurosym.languages.cpmpy`, which needs the extra `cpmpy`.
"""

from pathlib import Path

from neurosym.io import read_text
from neurosym.languages.bif import bif_model
from neurosym.languages.graphical_model import Factor, GraphicalModel, graphical_model
from neurosym.languages.uai import uai_evidence, uai_model

__all__ = [
    "Factor",
    "GraphicalModel",
    "bif_model",
    "graphical_model",
    "read_bif",
    "read_uai",
    "uai_evidence",
    "uai_model",
]


def read_uai(path: str | Path) -> GraphicalModel:
    """The model of a ``.uai`` file, plain or gzip; as `uai_model`."""
    return uai_model(read_text(path))


def read_bif(path: str | Path) -> GraphicalModel:
    """The model of a ``.bif`` file, plain or gzip; as `bif_model`."""
    return bif_model(read_text(path))
