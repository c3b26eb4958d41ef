"""Means over a split are exact, whatever the batch size."""

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
