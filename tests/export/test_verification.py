"""`verify`: artefacts that agree, artefacts that do not, and those of something else."""

import dataclasses

import jax
import numpy as np
import pytest
from permutations_task import COUNT, IMPOSSIBLE, Permutations, run_of

from neurosym import export


@pytest.fixture(scope="module")
def pipeline():
    return export.pipeline_of(run_of(Permutations()))


@pytest.fixture(scope="module")
def outputs(pipeline):
    """The pipeline's own, computed once; artefacts below look them up by the first weight."""
    inputs = pipeline.examples(COUNT)
    return inputs, jax.device_get(jax.jit(pipeline.__call__)(inputs))


def artefact(pipeline, outputs, change, *, batch="any"):
    """An artefact whose tool returns the right outputs, changed by a function of all of them."""
    inputs, right = outputs
    changed = change({name: np.copy(value) for name, value in right.items()})

    def run(part):
        places = [
            next(i for i, known in enumerate(inputs["given"]) if np.array_equal(known, one))
            for one in part["given"]
        ]
        return {name: value[places] for name, value in changed.items()}

    facts = export.Facts(
        1,
        "stablehlo",
        pipeline.name,
        pipeline.inputs,
        pipeline.outputs,
        batch,
        "whole batch",
        pipeline.weights,
        {},
        None,
    )
    return export.Artefact("a.stablehlo", facts, run)


@pytest.mark.parametrize("batch", ["any", 5])
def test_an_artefact_that_agrees(pipeline, outputs, batch):
    same = artefact(pipeline, outputs, lambda x: x, batch=batch)
    found = export.verify(same, pipeline, outputs[0])
    assert found.examples == COUNT
    assert found.first is None
    assert set(found.differences.values()) == {0.0} == set(map(float, found.mismatched.values()))


def test_rounding_is_no_mismatch_and_more_is(pipeline, outputs):
    def add(amount):
        def change(own):
            own["beliefs"][4, 1, 1] += amount
            return own

        return artefact(pipeline, outputs, change)

    assert export.verify(add(5e-6), pipeline, outputs[0]).first is None
    found = export.verify(add(1e-3), pipeline, outputs[0])
    assert (found.first.example, found.first.output) == (4, "beliefs")
    assert found.mismatched == {"beliefs": 1, "answer.values": 0, "answer.solved": 0}
    assert found.differences["beliefs"] == pytest.approx(1e-3, rel=1e-2)


def test_an_infinity_that_became_finite_or_not_a_number_is_a_mismatch(pipeline, outputs):
    for wrong in (-1e30, np.nan, np.inf):

        def change(own, wrong=wrong):
            own["beliefs"][IMPOSSIBLE[0], 0, 0] = wrong
            return own

        found = export.verify(artefact(pipeline, outputs, change), pipeline, outputs[0])
        assert found.first.example == IMPOSSIBLE[0]
        assert found.differences["beliefs"] == np.inf


def test_decisions_are_compared_bit_for_bit_and_the_first_example_is_told(pipeline, outputs):
    def change(own):
        own["answer.values"][10] += 1
        own["answer.solved"][6] ^= True
        return own

    found = export.verify(artefact(pipeline, outputs, change), pipeline, outputs[0])
    assert (found.first.example, found.first.output) == (6, "answer.solved")
    assert found.mismatched["answer.values"] == found.mismatched["answer.solved"] == 1
    assert bool(found.first.expected) != bool(found.first.found)


def test_another_type_is_a_mismatch(pipeline, outputs):
    def change(own):
        return {**own, "answer.values": own["answer.values"].astype(np.int64)}

    found = export.verify(artefact(pipeline, outputs, change), pipeline, outputs[0])
    assert found.mismatched["answer.values"] == COUNT


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": "0" * 64}, "made of other weights"),
        ({"task": "Other"}, "is of the task Other"),
        ({"inputs": (export.Field("given", (4, 4), "float32"),)}, r"given float32\[B, 4, 4\]"),
        ({"outputs": ()}, "export it again"),
    ],
)
def test_an_artefact_of_something_else_is_refused(pipeline, outputs, fields, message):
    own = artefact(pipeline, outputs, lambda x: x)
    other = own._replace(facts=dataclasses.replace(own.facts, **fields))
    with pytest.raises(ValueError, match=message):
        export.verify(other, pipeline, outputs[0])


def test_other_weights_have_another_digest(pipeline):
    run = run_of(Permutations())
    assert export.pipeline_of(run).weights == pipeline.weights
    run.model.kernel[...] = run.model.kernel[...] + 1e-6
    assert export.pipeline_of(run).weights != pipeline.weights
