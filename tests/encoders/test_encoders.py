"""The encoders: shapes, batches, small training runs, and LeNet against flax's own layers."""

import doctest

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from sklearn.datasets import load_digits

from neurosym.encoders import ENCODERS, LeNet, factory, make_encoder
from neurosym.encoders.resnet import GroupNormalisation

# Small, since what costs here is compiling.
SMALL = {"lenet": 16, "mlp": 8, "resnet": 8}
OPTIONS = {"lenet": {}, "mlp": {}, "resnet": {"widths": (4, 6)}}


@nnx.jit
def read(encoder, images):
    return encoder(images)


def rows_and_columns(size):
    return (size, size) if isinstance(size, int) else size


@pytest.mark.parametrize(
    ("name", "size", "channels"),
    [
        ("lenet", 28, 1),
        ("lenet", (16, 21), 3),
        ("mlp", 8, 1),
        ("mlp", (3, 5), 3),
        ("resnet", (9, 5), 3),
    ],
)
def test_shapes_with_any_leading_axes(name, size, channels):
    encoder = make_encoder(
        name, image_size=size, classes=7, channels=channels, rngs=nnx.Rngs(0), **OPTIONS[name]
    )
    image = rows_and_columns(size) if channels == 1 else (*rows_and_columns(size), channels)
    pairs = jax.random.uniform(jax.random.key(0), (3, 2, *image))
    graph, parameters = nnx.split(encoder)

    @jax.jit
    def in_three_ways(parameters, pairs):
        encoder = nnx.merge(graph, parameters)
        return encoder(pairs), encoder(pairs[1, 0]), jax.vmap(encoder)(pairs[1])

    logits, single, mapped = in_three_ways(parameters, pairs)
    assert logits.shape == (3, 2, 7)
    assert logits.dtype == jnp.float32
    assert np.isfinite(logits).all()
    # What a batch reads is what each of its images reads alone, and under vmap.
    assert single.shape == (7,)
    np.testing.assert_allclose(single, logits[1, 0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(mapped, logits[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_an_empty_batch_has_no_logits(name):
    size = SMALL[name]
    encoder = make_encoder(name, image_size=size, classes=7, rngs=nnx.Rngs(0))
    answer = jax.eval_shape(read, encoder, jnp.zeros((0, 3, size, size)))
    assert answer.shape == (0, 3, 7)


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_every_parameter_has_a_gradient_and_the_seed_decides(name):
    size = SMALL[name]
    first, second, other = (
        make_encoder(name, image_size=size, classes=10, rngs=nnx.Rngs(seed), **OPTIONS[name])
        for seed in (0, 0, 1)
    )
    images = jax.random.uniform(jax.random.key(1), (16, size, size))
    np.testing.assert_array_equal(read(first, images), read(second, images))
    assert not np.allclose(read(first, images), read(other, images))
    # Logits at the start are of the order of one: beliefs are open, and no unit is saturated.
    assert 0.02 < float(read(first, images).std()) < 3

    weights = jax.random.normal(jax.random.key(2), (16, 10))
    gradient = nnx.jit(nnx.grad(lambda encoder: (encoder(images) * weights).sum()))(first)
    leaves = jax.tree.leaves(gradient)
    assert leaves
    assert all(np.isfinite(leaf).all() and float(jnp.abs(leaf).max()) > 0 for leaf in leaves)


@pytest.mark.parametrize(
    ("name", "steps"), [("mlp", 80), pytest.param("resnet", 100, marks=pytest.mark.slow)]
)
def test_learns_the_real_digits(name, steps):
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images = jnp.asarray(digits.images[order] / 16, jnp.float32)
    labels = jnp.asarray(digits.target[order])
    options = {"widths": (16, 32)} if name == "resnet" else {}
    encoder = make_encoder(name, image_size=8, classes=10, rngs=nnx.Rngs(0), **options)
    graph, parameters = nnx.split(encoder)
    optimizer = optax.adam(3e-3)

    def loss(parameters, batch):
        logits = nnx.merge(graph, parameters)(images[batch])
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, labels[batch])
        return losses.mean()

    @jax.jit
    def train(parameters):
        def step(carry, key):
            parameters, state = carry
            batch = jax.random.randint(key, (64,), 0, 1500)
            updates, state = optimizer.update(jax.grad(loss)(parameters, batch), state)
            return (optax.apply_updates(parameters, updates), state), None

        keys = jax.random.split(jax.random.key(0), steps)
        return jax.lax.scan(step, (parameters, optimizer.init(parameters)), keys)[0][0]

    answers = read(nnx.merge(graph, train(parameters)), images[1500:]).argmax(axis=-1)
    assert float((answers == labels[1500:]).mean()) > 0.9


def test_lenet_is_the_network_of_the_published_figures():
    ours = LeNet(image_size=28, classes=10, rngs=nnx.Rngs(0))
    sizes = [leaf.size for leaf in jax.tree.leaves(nnx.state(ours, nnx.Param))]
    assert sum(sizes) == 156 + 2416 + 30840 + 10164 + 850
    images = jax.random.uniform(jax.random.key(0), (4, 28, 28))

    def by_flax(images):
        maps = images[..., None]
        for layer in (ours.convolution1, ours.convolution2):
            stock = nnx.Conv(*layer.kernel.shape[1::-1], (5, 5), padding="VALID", rngs=nnx.Rngs(1))
            stock.kernel[...] = layer.kernel[...].transpose(2, 3, 1, 0)
            stock.bias[...] = layer.bias[...]
            maps = jax.nn.relu(nnx.max_pool(stock(maps), (2, 2), strides=(2, 2)))
        features = maps.transpose(0, 3, 1, 2).reshape(-1, 256)
        for layer in ours.dense:
            features = jax.nn.relu(layer(features))
        return ours.logits(features)

    np.testing.assert_allclose(read(ours, images), jax.jit(by_flax)(images), rtol=1e-4, atol=1e-5)


def test_lenet_training_step_lowers_for_every_platform():
    graph, parameters = nnx.split(LeNet(image_size=28, classes=10, rngs=nnx.Rngs(0)))
    images = jax.ShapeDtypeStruct((8, 28, 28), jnp.float32)

    @jax.jit
    def gradient(parameters, images):
        return jax.grad(lambda p: nnx.merge(graph, p)(images).sum())(parameters)

    def flat(leaves, images):
        return jax.tree.leaves(gradient(jax.tree.unflatten(structure, leaves), images))

    leaves, structure = jax.tree.flatten(parameters)
    exported = jax.export.export(jax.jit(flat), platforms=["cpu", "cuda", "tpu"])(leaves, images)
    assert exported.platforms == ("cpu", "cuda", "tpu")


def test_group_normalisation_ignores_scale_and_shift_of_the_image():
    layer = GroupNormalisation(8)
    maps = jax.random.normal(jax.random.key(0), (8, 5, 4, 3))
    answer = layer(maps)
    grouped = np.asarray(answer).reshape(2, 4 * 5 * 4, 3)
    np.testing.assert_allclose(grouped.mean(axis=1), 0, atol=1e-5)
    np.testing.assert_allclose(grouped.std(axis=1), 1, atol=1e-3)
    np.testing.assert_allclose(layer(7 * maps - 2), answer, atol=1e-3)


def test_resnet_takes_widths_and_blocks():
    options = {"widths": [6, 10, 4], "blocks": 2}
    encoder = make_encoder("resnet", image_size=28, classes=4, rngs=nnx.Rngs(0), **options)
    assert len(encoder.blocks) == 6
    assert jax.eval_shape(read, encoder, jnp.ones((2, 28, 28))).shape == (2, 4)
    assert encoder.dense.kernel.shape == (4, 4)


def test_mlp_without_hidden_layers_is_linear():
    encoder = make_encoder("mlp", image_size=2, classes=3, rngs=nnx.Rngs(0), hidden=())
    one, other = jax.random.normal(jax.random.key(0), (2, 2, 2))
    np.testing.assert_allclose(encoder(one) + encoder(other), encoder(one + other), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("letnet", {}, "unknown encoder 'letnet'; there are lenet, mlp, resnet"),
        ("lenet", {"image_size": 8}, "at least 16x16.*8x8.*resnet"),
        ("lenet", {"widths": (3,)}, "'lenet' has no option widths; it takes hidden, maps"),
        ("mlp", {"width": 3}, "'mlp' has no option width; it takes hidden"),
        ("mlp", {"hidden": (3, 0)}, "hidden widths"),
        ("mlp", {"image_size": 0}, "image_size"),
        ("mlp", {"image_size": (3, 4, 5)}, "image_size"),
        ("mlp", {"classes": 1}, "classes must be at least 2"),
        ("mlp", {"channels": 0}, "channels must be at least 1"),
        ("resnet", {"widths": ()}, "widths"),
        ("resnet", {"blocks": 0}, "blocks"),
        ("lenet", {"maps": (6,)}, "LeNet has two convolutions"),
        ("lenet", {"hidden": (120, 0)}, "all widths are at least 1"),
    ],
)
def test_bad_options_are_said(name, options, message):
    with pytest.raises(ValueError, match=message):
        make_encoder(name, **{"image_size": 28, "classes": 10, "rngs": nnx.Rngs(0), **options})


def test_bad_images_are_said():
    encoder = make_encoder("mlp", image_size=(4, 5), classes=2, rngs=nnx.Rngs(0))
    for shape in ((5, 4), (3, 4, 4), (5,), (2, 4, 5, 1)):
        with pytest.raises(ValueError, match=r"images must be of shape \[\.\.\., 4, 5\]"):
            encoder(jnp.zeros(shape))
    with pytest.raises(ValueError, match="images / 255"):
        encoder(jnp.zeros((4, 5), jnp.uint8))


def test_examples_in_the_documentation_run():
    result = doctest.testmod(factory)
    assert result.attempted > 0
    assert result.failed == 0
