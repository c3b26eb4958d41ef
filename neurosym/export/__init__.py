"""A trained pipeline as a file that other tools run, and the proof that it is the same pipeline.

    finished run ─▶ Pipeline (beliefs, answer) ─▶ target's file ─▶ Artefact ─▶ verify, beside JAX

One file for each target: `stablehlo` is JAX's own export, `safetensors` the weights alone.
"""

from neurosym.export.artefact import Artefact, Facts, read_facts
from neurosym.export.pipeline import Field, Pipeline, load_pipeline, pipeline_of
from neurosym.export.safetensors import write_safetensors
from neurosym.export.stablehlo import StableHLO, write_stablehlo
from neurosym.export.targets import open_artefact, write_artefact
from neurosym.export.verification import Mismatch, Verification, verify

__all__ = [
    "Artefact",
    "Facts",
    "Field",
    "Mismatch",
    "Pipeline",
    "StableHLO",
    "Verification",
    "load_pipeline",
    "open_artefact",
    "pipeline_of",
    "read_facts",
    "verify",
    "write_artefact",
    "write_safetensors",
    "write_stablehlo",
]
