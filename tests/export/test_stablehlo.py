"""The target stablehlo: equal to brute force, for any batch; what it refuses."""

import itertools
import json
import sys

import numpy as np
import pytest
from permutations_task import COUNT, IMPOSSIBLE, Permutations, run_of

from neurosym import export


@pytest.fixture(scope="module")
def pipeline():
    return export.pipeline_of(run_of(Permutations()))


@pytest.fixture(scope="module")
def path(pipeline, tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "new" / "p.stablehlo"
    export.write_artefact(pipeline, "stablehlo", path)
    return path


def brute_force(weights):
    """The best permutation of one example, and whether there is one, by trying all six."""
    tried = [
        (sum(weights[row, value] for row, value in enumerate(order)), order)
        for order in itertools.permutations(range(3))
    ]
    best, order = max(tried)
    return np.isfinite(best), order


def test_labels_are_not_a_part_of_it(pipeline):
    assert [str(field) for field in pipeline.inputs] == ["given float32[B, 3, 3]"]
    assert {field.name for field in pipeline.outputs} == {
        "answer.solved",
        "answer.values",
        "beliefs",
    }


@pytest.mark.parametrize("count", [COUNT, 1])
def test_it_finds_what_brute_force_finds_impossible_inputs_too(pipeline, path, count):
    inputs = pipeline.examples(count)
    found = export.open_artefact(path)(inputs)
    kernel = np.asarray(pipeline.model.kernel[...])
    for example, given in enumerate(inputs["given"]):
        possible, order = brute_force(given * kernel)
        assert bool(found["answer.solved"][example]) == possible == (example not in IMPOSSIBLE)
        if possible:
            assert tuple(found["answer.values"][example]) == order
    np.testing.assert_allclose(found["beliefs"], inputs["given"] * kernel, rtol=1e-6)


def test_text_and_facts_stand_beside_it(pipeline, path):
    text = path.with_name("p.stablehlo.mlir").read_text()
    assert "stablehlo.while" in text
    assert "module @" in text
    facts = export.read_facts(path)
    assert facts.target == "stablehlo"
    assert facts.batch == "any"
    assert facts.task == "Permutations"
    assert facts.reasoning == "one by one"  # a search wants to know how many examples there are
    assert facts.inputs == pipeline.inputs
    assert facts.outputs == pipeline.outputs
    assert facts.further["platforms"] == ["cpu", "cuda", "tpu"]
    assert facts.versions["jax"]
    assert facts.weights == pipeline.weights


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, r"the inputs are given float32\[B, 3, 3\]; given were: none"),
        ({"given": np.zeros((4, 3, 2), np.float32)}, r"given is float32\[4, 3, 2\]"),
        ({"given": np.zeros((4, 3, 3), np.float64)}, r"given is float64\[4, 3, 3\]"),
        ({"given": np.zeros((), np.float32)}, r"given is float32\[\]"),
        ({"given": np.zeros((0, 3, 3), np.float32)}, "at least 1"),
    ],
)
def test_inputs_of_another_form_are_refused(path, inputs, message):
    with pytest.raises(ValueError, match=message):
        export.open_artefact(path)(inputs)


def test_files_that_are_not_artefacts(path, tmp_path):
    with pytest.raises(ValueError, match="there is no artefact"):
        export.open_artefact(tmp_path / "gone")
    copy = tmp_path / "p.stablehlo"
    copy.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"no p\.stablehlo\.json beside it"):
        export.open_artefact(copy)
    facts = json.loads(path.with_name("p.stablehlo.json").read_text())
    beside = copy.with_name("p.stablehlo.json")
    beside.write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="cannot be read by JAX"):
        export.open_artefact(copy)
    for change, message in (
        ({"format": 99}, "its format is 99"),
        ({"target": "onxx"}, "'onxx', which this version lacks"),
        ({"more": 1}, "unexpected keyword"),
    ):
        beside.write_text(json.dumps({**facts, **change}))
        with pytest.raises(ValueError, match=message):
            export.open_artefact(copy)


class NotOverABatch(Permutations):
    def answer(self, beliefs, inputs):
        return {"mean": beliefs.mean()}


class OnTheHost(Permutations):
    def answer(self, beliefs, inputs):
        if beliefs.shape[0] != 2:
            raise RuntimeError("only pairs are answered")
        return {"own": beliefs}


class NotInTwoSteps:
    """A task that trains, and answers nothing."""


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (NotOverABatch, r"NotOverABatch cannot be exported: answer\.mean has shape \[\]"),
        (OnTheHost, "OnTheHost cannot be exported as stablehlo: RuntimeError: only pairs"),
        (NotInTwoSteps, "does not answer in two steps"),
    ],
)
def test_a_task_that_cannot_be_expressed_is_named_before_a_file_is_written(task, message, tmp_path):
    run = run_of(Permutations())._replace(task=task())

    def write():
        export.write_artefact(export.pipeline_of(run), "stablehlo", tmp_path / "x")

    with pytest.raises(ValueError, match=message):
        write()
    assert not list(tmp_path.iterdir())


def test_what_is_missing_or_in_the_way_is_said(pipeline, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="the targets are stablehlo, safetensors"):
        export.write_artefact(pipeline, "onxx", tmp_path / "x")
    with pytest.raises(ValueError, match="is a folder"):
        export.write_artefact(pipeline, "stablehlo", tmp_path)
    monkeypatch.setitem(sys.modules, "flatbuffers", None)
    with pytest.raises(ValueError, match=r"pip install 'neurosym\[export\]'"):
        export.write_artefact(pipeline, "stablehlo", tmp_path / "x")
    assert not list(tmp_path.iterdir())
