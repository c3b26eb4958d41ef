"""The MNIST classification task: its metrics, pictures and predictions on constructed readings."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from PIL import Image

import neurosym as ns
from experiments._images import Images
from experiments.mnist_classification import MnistClassification
from neurosym.cli.configs import load_config
from neurosym.training import SilentProgress, train


class Oracle(nnx.Module):
    """Reads the label that the test wrote into the first pixel, one more where the second says."""

    def __call__(self, images):
        label = jnp.round(images[:, 0, 0])
        return 50.0 * jax.nn.one_hot((label + (images[:, 0, 1] > 0)).astype(int) % 10, 10)


@pytest.fixture
def task():
    """Sixty images that carry their label; nine of the test's are misread."""
    task = MnistClassification(load_config("configs/mnist_classification.py:mlp"))
    task.format = task.format._replace(mean=0.0, deviation=1.0)
    images = np.random.default_rng(0).integers(0, 256, (60, 28, 28), dtype=np.uint8)
    labels = np.arange(60, dtype=np.int32) % 10
    images[:, 0, 0] = labels
    images[:, 0, 1] = np.arange(60) < 9
    none = images[:0], labels[:0]
    task.images = Images(train=(images, labels), validation=none, test=(images, labels))
    return task


def test_metrics_on_constructed_readings(task):
    split = task.split("test")
    assert task.split("validation").size == 0
    batch = task.batch(split.examples, split.shared)
    np.testing.assert_array_equal(batch["images"], task.images.test[0].astype(np.float32))
    metrics = task.evaluate(Oracle(), batch)
    wrong = np.arange(60) < 9
    np.testing.assert_array_equal(metrics["digit_accuracy"], ~wrong)
    np.testing.assert_allclose(metrics["loss"], np.where(wrong, 50.0, 0.0), atol=1e-5)
    loss, trained = task.loss(Oracle(), batch, key=jax.random.key(0), step=0)
    assert loss == pytest.approx(50 * 9 / 60)
    assert trained["digit_accuracy"] == pytest.approx(51 / 60)


def test_pictures_show_examples_and_confusions(task, tmp_path, monkeypatch):
    drawn = {}

    def confusion(counts, *arguments, **options):
        drawn["counts"] = counts
        return real(counts, *arguments, **options)

    real = ns.plots.confusion_matrix
    monkeypatch.setattr(ns.plots, "confusion_matrix", confusion)
    paths = task.pictures(Oracle(), tmp_path)
    assert [path.name for path in paths] == ["examples.png", "confusion.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in paths)
    expected = np.diag(np.full(10, 6))
    for label in range(9):
        expected[label, label] -= 1
        expected[label, label + 1] += 1
    np.testing.assert_array_equal(drawn["counts"], expected)


def test_predict_reads_one_picture(task, tmp_path):
    path = tmp_path / "one.png"
    pixels = np.full((40, 40), 255, np.uint8)
    pixels[5:35, 18:22] = 0
    Image.fromarray(pixels).save(path)
    answer = task.predict(Oracle(), [path])
    # The corner of a picture has no ink.
    assert answer["digit"] == 0
    assert answer["confidence"] == 1.0
    with pytest.raises(ValueError, match="give one image of a digit, not 2"):
        task.predict(Oracle(), [path, path])


def test_bad_configs():
    config = load_config("configs/mnist_classification.py:lenet")
    config.data.digits = 4
    with pytest.raises(ValueError, match=r"has no field config.data.digits"):
        MnistClassification(config)
    with pytest.raises(ValueError, match="no variant 'cnn'"):
        load_config("configs/mnist_classification.py:cnn")


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "least"), [("mlp", 0.965), ("lenet", 0.975)])
def test_comes_near_its_figure_in_two_epochs(variant, least, tmp_path):
    try:
        ns.datasets.mnist()
    except ns.datasets.MissingDataError as error:
        pytest.skip(f"MNIST is not here: {error}")
    config = load_config(f"configs/mnist_classification.py:{variant}")
    config.train.epochs = 2
    result = train(config, tmp_path / "run", progress=SilentProgress())
    assert result.metrics["digit_accuracy"] >= least
