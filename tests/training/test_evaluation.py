"""Means over a split are exact, whatever the batch size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from neurosym.training import Evaluator, Split
from neurosym.training.state import Anatomy


class IndexTask:
    """Its metrics are the examples themselves, so that every mean is known."""

    def batch(self, examples, shared):
        return examples + shared

    def evaluate(self, model, batch):
        return {"value": batch, "poison": jnp.where(batch == 0, 1.0, jnp.log(batch))}


class NoModel(nnx.Module):
    pass


@pytest.mark.parametrize("batch_size", [1, 3, 7, 10, 64])
def test_means_are_exact_whatever_the_batch_size(batch_size):
    values = np.arange(10, dtype=np.float32) ** 2
    evaluator = Evaluator(IndexTask(), Anatomy.of(NoModel()), batch_size=batch_size)
    means = evaluator.means({}, {}, Split(jnp.asarray(values), jnp.float32(1)))
    assert means["value"] == pytest.approx(np.mean(values + 1), rel=1e-7)
    assert means["poison"] == pytest.approx(np.mean(np.log(values + 1)), rel=1e-6)


def test_metrics_of_the_wrong_shape_are_refused():
    class Mean(IndexTask):
        def evaluate(self, model, batch):
            return {"value": batch.mean()}

    evaluator = Evaluator(Mean(), Anatomy.of(NoModel()), batch_size=4)
    with pytest.raises(ValueError, match=r"'value'.*each of the 4 examples, got shape \(\)"):
        evaluator.means({}, {}, Split(jnp.arange(8.0), 1.0))


@pytest.mark.parametrize("batch_size", [3, 4, 64])
def test_one_program_judges_splits_of_all_sizes(batch_size):
    splits = [Split(jnp.arange(1.0, n + 1), jnp.float32(0.5)) for n in (5, 11, 8)]
    evaluator = Evaluator(IndexTask(), Anatomy.of(NoModel()), batch_size=batch_size, splits=splits)
    for split in splits:
        alone = Evaluator(IndexTask(), Anatomy.of(NoModel()), batch_size=batch_size)
        means, expected = evaluator.means({}, {}, split), alone.means({}, {}, split)
        assert means["value"] == expected["value"] == split.size / 2 + 1
        assert means["poison"] == pytest.approx(expected["poison"], rel=1e-6)
    programs = [evaluator.compiled({}, {}, split) for split in splits]
    assert all(program is programs[0] for program in programs)


def test_splits_of_other_forms_have_programs_of_their_own():
    key = jax.random.key(0)
    with_keys = [Split((jnp.arange(1.0, n + 1), jax.random.split(key, n)), 1.0) for n in (4, 6)]

    class FirstTask(IndexTask):
        def batch(self, examples, shared):
            return examples[0] + shared

    evaluator = Evaluator(FirstTask(), Anatomy.of(NoModel()), batch_size=4, splits=with_keys)
    assert [evaluator.means({}, {}, s)["value"] for s in with_keys] == [3.5, 4.5]
