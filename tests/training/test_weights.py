"""Files of weights: against NumPy and PyTorch, there and back, and files that do not fit."""

import sys

import jax
import numpy as np
import pytest
from flax import nnx

import neurosym as ns
from neurosym.training.state import Anatomy, named_leaves
from neurosym.training.weights import read_weights, weights_of, write_weights

try:
    import torch
except ModuleNotFoundError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")
numpy_files = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")


def encoder(name="mlp", seed=0, **options):
    size = 28 if name == "lenet" else 8
    options = options or ({"hidden": (6, 5)} if name == "mlp" else {})
    model = ns.encoders.make_encoder(
        name, image_size=size, classes=10, rngs=nnx.Rngs(seed), **options
    )
    return varied(model)


def varied(model):
    """The model with noise on every parameter, biases and scales too."""
    rng = np.random.default_rng(1)
    anatomy = Anatomy.of(model)
    params, other = anatomy.initial()
    noise = jax.tree.map(lambda x: x + 0.1 * rng.normal(size=x.shape).astype(np.float32), params)
    return anatomy.build(noise, other)


def images(size):
    return np.random.default_rng(2).normal(size=(7, size, size)).astype(np.float32)


def test_a_perceptron_in_numpy_reads_the_file(tmp_path):
    model = encoder()
    write_weights(model, tmp_path / "w.safetensors", {"task": "digits"})
    saved = numpy_files.load_file(str(tmp_path / "w.safetensors"))
    assert sorted(saved) == [
        "layers.0.bias",
        "layers.0.weight",
        "layers.1.bias",
        "layers.1.weight",
        "logits.bias",
        "logits.weight",
    ]
    features = images(8).reshape(7, 64)
    for layer in ("layers.0", "layers.1"):
        features = np.maximum(features @ saved[f"{layer}.weight"].T + saved[f"{layer}.bias"], 0)
    logits = features @ saved["logits.weight"].T + saved["logits.bias"]
    np.testing.assert_allclose(model(images(8)), logits, atol=1e-5)


@pytest.mark.parametrize("name", ["mlp", "resnet"])
def test_weights_come_back_bit_for_bit(name, tmp_path):
    path = tmp_path / "w.safetensors"
    model, other = encoder(name), encoder(name, seed=3)
    write_weights(model, path, {})
    own, _ = Anatomy.of(model).initial()
    read = read_weights(path, other, Anatomy.of(other).initial()[0])
    jax.tree.map(np.testing.assert_array_equal, read, own)
    assert jax.tree.structure(read) == jax.tree.structure(own)
    assert len(weights_of(model)) == len(named_leaves(own))


def torch_lenet():
    class LeNet(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution1 = torch.nn.Conv2d(1, 6, 5)
            self.convolution2 = torch.nn.Conv2d(6, 16, 5)
            self.dense = torch.nn.ModuleList([torch.nn.Linear(256, 120), torch.nn.Linear(120, 84)])
            self.logits = torch.nn.Linear(84, 10)

        def forward(self, x):
            x = torch.nn.functional.max_pool2d(self.convolution1(x), 2).relu()
            x = torch.nn.functional.max_pool2d(self.convolution2(x), 2).relu().flatten(1)
            for layer in self.dense:
                x = layer(x).relu()
            return self.logits(x)

    return LeNet()


@needs_torch
def test_lenet_in_pytorch_has_the_same_logits(tmp_path):
    from safetensors.torch import load_file

    model, path = encoder("lenet"), tmp_path / "lenet.safetensors"
    write_weights(model, path, {})
    other = torch_lenet()
    other.load_state_dict(load_file(path))
    given = images(28)
    with torch.no_grad():
        logits = other(torch.from_numpy(given[:, None])).numpy()
    np.testing.assert_allclose(model(given), logits, atol=1e-5)


@needs_torch
def test_lenet_of_pytorch_is_read_here(tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    theirs, model, path = torch_lenet(), encoder("lenet"), tmp_path / "theirs.safetensors"
    save_file(theirs.state_dict(), path)
    anatomy = Anatomy.of(model)
    params, other = anatomy.initial()
    ours = anatomy.build(read_weights(path, model, params), other)
    given = images(28)
    with torch.no_grad():
        logits = theirs(torch.from_numpy(given[:, None])).numpy()
    np.testing.assert_allclose(ours(given), logits, atol=1e-5)


def test_flax_convolutions_lie_as_in_pytorch():
    layer = nnx.Conv(2, 3, kernel_size=(4, 5), rngs=nnx.Rngs(0))
    saved = weights_of(layer)
    assert saved["weight"].shape == (3, 2, 4, 5)
    np.testing.assert_array_equal(saved["weight"][1, 0, 2, 3], layer.kernel[...][2, 3, 0, 1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("logits.bias"), r"logits\.bias \(10,\) is missing"),
        (
            lambda w: w.update({"logits.weight": np.zeros((5, 10), np.float32)}),
            r"logits\.weight is \(5, 10\) there, \(10, 5\) here",
        ),
        (lambda w: w.update(more=np.zeros(2, np.float32)), r"more \(2,\) is not of this model"),
        (lambda w: w["logits.bias"].fill(np.nan), r"logits\.bias is not of finite floats"),
    ],
)
def test_weights_that_do_not_fit_are_named(change, message, tmp_path):
    model, path = encoder(), tmp_path / "w.safetensors"
    weights = {name: array.copy() for name, array in weights_of(model).items()}
    change(weights)
    numpy_files.save_file(weights, str(path))
    with pytest.raises(ValueError, match=message):
        read_weights(path, model, Anatomy.of(model).initial()[0])


def test_files_that_are_none_of_weights(tmp_path, monkeypatch):
    model, path = encoder(), tmp_path / "w.safetensors"
    params = Anatomy.of(model).initial()[0]
    with pytest.raises(ValueError, match="there is no file of weights"):
        read_weights(path, model, params)
    path.write_bytes(b"something else")
    with pytest.raises(ValueError, match=r"w\.safetensors is not a file of safetensors"):
        read_weights(path, model, params)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ValueError, match=r"pip install 'neurosym\[export\]'"):
        write_weights(model, path, {})
