"""The digit addition task: its problem, its metrics, and training it in several semirings."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from PIL import Image

import neurosym as ns
from experiments.digit_addition import DigitAddition
from neurosym.cli.configs import load_config
from neurosym.training import Keys, Program, SilentProgress, train
from neurosym.training.state import Anatomy

ROOT = Path(__file__).parents[2]


def get_config(name: str, variant: str = ""):
    return load_config(str(ROOT / "configs" / f"{name}.py") + (variant and f":{variant}"))


def small_config(**data):
    config = get_config("digits_addition")
    config.encoder = {"name": "mlp", "hidden": (64,)}
    config.train.epochs = 15
    config.optimizer.learning_rate = 5e-3
    config.data.regroupings = 20
    with config.unlocked():
        config.data.update(data)
    return config


def safe_log(x):
    return jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1)), -jnp.inf)


# Real numbers in other coordinates, from ⊕, ⊗ and their derivatives alone: weights are the square
# roots of probabilities.
EUCLID = ns.Semiring(
    name="euclid",
    zero=0.0,
    one=1.0,
    add=lambda x, y: jnp.sqrt(x * x + y * y),
    mul=lambda x, y: x * y,
    responsibility=lambda x, total: jnp.where(total > 0, x / jnp.where(total > 0, total, 1), 0),
    cofactor=lambda x, y: y,
    from_log=lambda log_p: jnp.exp(log_p / 2),
    to_log=lambda x: 2 * safe_log(x),
)


def test_euclid_is_a_semiring():
    ns.testing.check_semiring(EUCLID, [0.3, 1.7, 2.5])


@pytest.mark.parametrize(
    "semiring", ["log", pytest.param("real", marks=pytest.mark.slow), f"{__name__}:EUCLID"]
)
def test_trains_in_any_semiring(semiring, tmp_path):
    config = small_config()
    config.reasoning.semiring = semiring
    result = train(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.metrics["digit_accuracy"] > 0.9
    assert result.metrics["sum_accuracy"] > 0.8


@pytest.mark.slow
def test_both_forms_have_one_loss_and_gradient():
    config = small_config(digits=2)
    tasks = []
    for form in ("sum", "columns"):
        config.reasoning.form = form
        tasks.append(DigitAddition(config))
    split = tasks[0].split("train")
    batch = tasks[0].batch(jax.tree.map(lambda x: x[:8], split.examples), split.shared)
    graph, params = nnx.split(tasks[0].model(nnx.Rngs(0)))

    def loss_of(task):
        def loss(params):
            model = nnx.merge(graph, params)
            return task.loss(model, batch, key=jax.random.key(0), step=0)

        return jax.jit(jax.value_and_grad(loss, has_aux=True))

    ((first, summed), one), ((second, columns), other) = (loss_of(t)(params) for t in tasks)
    assert summed.keys() == {"sum_accuracy"}
    assert columns.keys() == {"sum_accuracy_independent"}
    np.testing.assert_allclose(first, second, rtol=1e-5)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)


def test_only_the_loss_sees_varied_images():
    config = small_config()
    plain = DigitAddition(config)
    config.augmentation = {"shift": 3.0, "rotate": 40.0}
    varied = DigitAddition(config)
    split = plain.split("train")
    batch = plain.batch(jax.tree.map(lambda x: x[:8], split.examples), split.shared)
    model = plain.model(nnx.Rngs(0))
    options = {"key": jax.random.key(0), "step": 0}
    losses = [nnx.jit(task.loss)(model, batch, **options)[0] for task in (plain, varied)]
    assert abs(losses[0] - losses[1]) > 1e-3
    judged = [nnx.jit(task.evaluate)(model, batch)["loss"] for task in (plain, varied)]
    np.testing.assert_array_equal(*judged)


class Oracle(nnx.Module):
    """Reads the label that the test wrote into the corner of each image."""

    def __init__(self, mistakes: float) -> None:
        self.mistakes = mistakes

    def __call__(self, images):
        label = jnp.round(images[:, 0, 0])
        wrong = images[:, 0, 1] < self.mistakes
        return 50.0 * jax.nn.one_hot((label + wrong).astype(int) % 10, 10)


@pytest.fixture(scope="module")
def marked_task():
    """Images that carry their label and a uniform number, instead of ink."""
    task = DigitAddition(small_config())
    task.format = task.format._replace(mean=0.0, deviation=1.0)
    _, labels = task.images.test
    images = np.zeros((len(labels), 8, 8), np.float32)
    images[:, 0, 0] = labels
    images[:, 0, 1] = np.random.default_rng(0).permutation(len(labels)) / len(labels)
    task.images = task.images._replace(test=(images, labels))
    return task


@pytest.mark.parametrize("mistakes", [0.0, 0.1])
def test_metrics_on_constructed_readings(marked_task, mistakes):
    model = Oracle(mistakes)
    split = marked_task.split("test")
    batch = marked_task.batch(split.examples, split.shared)
    metrics = marked_task.evaluate(model, batch)
    images, labels = marked_task.images.test
    index = np.asarray(split.examples["index"]).reshape(split.size, -1)
    wrong = (images[:, 0, 1] < mistakes)[index]
    read = (labels[index] + wrong) % 10
    np.testing.assert_allclose(metrics["digit_accuracy"], 1 - wrong.mean(1))
    right = read.sum(1) == labels[index].sum(1)
    np.testing.assert_array_equal(metrics["sum_accuracy"], right)
    regrouped = marked_task.summarise(model, "test")["sum_accuracy_regrouped"]
    expected = (1 - mistakes) ** 2
    assert regrouped == pytest.approx(expected, abs=0.02)


def test_splits_use_each_image_once_and_do_not_overlap():
    task = DigitAddition(small_config())
    for name, size in (("train", 1257), ("test", 360)):
        index = np.asarray(task.split(name).examples["index"]).ravel()
        assert len(set(index.tolist())) == len(index) == size // 2 * 2
    validation = task.split("validation")
    assert validation.size == 20 * 90
    counts = np.bincount(np.asarray(validation.examples["index"]).ravel())
    np.testing.assert_array_equal(counts, 20)
    final = DigitAddition(small_config(final=True))
    assert final.split("validation").size == 0
    assert final.split("train").size == (1257 + 180) // 2
    np.testing.assert_array_equal(final.images.test[0], task.images.test[0])


@pytest.fixture(scope="module")
def program():
    """The shipped training program of the default config, its first state and its arguments."""
    task = DigitAddition(get_config("digits_addition"))
    anatomy = Anatomy.of(task.model(nnx.Rngs(0)))
    split = task.split("train")
    program = Program(task, anatomy, optax.adamw(1e-3), split, batch_size=8, keys=Keys.of(0))
    state = program.initial_state(*anatomy.initial())
    arguments = (jnp.arange(split.size), np.int32(0), *program._step_data)
    return program, state, arguments


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_the_whole_training_program_lowers_for_every_platform(program, platform):
    program, state, arguments = program
    exported = jax.export.export(jax.jit(program._run_many), platforms=[platform])(
        state, np.int32(1), *arguments
    )
    assert exported.platforms == (platform,)
    assert "stablehlo.while" in exported.mlir_module()


def test_predict_reads_pictures(tmp_path, marked_task):
    task = DigitAddition(small_config())
    images, _labels = task.images.test
    paths = []
    for n in (3, 4):
        path = tmp_path / f"{n}.png"
        Image.fromarray((255 - images[n] * 15.9).astype(np.uint8)).resize((64, 64)).save(path)
        paths.append(path)
    model = task.model(nnx.Rngs(0))
    answer = task.predict(model, paths)
    assert 0 <= answer["answer"] <= 18
    assert 0 < answer["confidence"] <= 1
    assert "+" in answer["read"]
    with pytest.raises(ValueError, match="give 2 images"):
        task.predict(model, paths[:1])


class Undecided(nnx.Module):
    """Believes of every image that it is a 7 (0.4), a 4 (0.35) or a 5 (0.25)."""

    def __call__(self, images):
        logits = jnp.full(10, -20.0).at[jnp.array([7, 4, 5])].set(jnp.log(jnp.array([40, 35, 25])))
        return jnp.broadcast_to(logits, (len(images), 10))


def test_the_picture_shows_digits_that_make_the_answer(tmp_path, monkeypatch):
    """The likeliest digits are 7 and 7, the likeliest sum is 11."""
    drawn = {}
    real = ns.plots.example_grid

    def grid(images, titles, correct, path, **options):
        drawn.update(titles=titles, correct=np.asarray(correct))
        return real(images, titles, correct, path, **options)

    monkeypatch.setattr(ns.plots, "example_grid", grid)
    task = DigitAddition(small_config())
    task.pictures(Undecided(), tmp_path)
    split = task.split("test")
    labels = task.images.test[1][np.asarray(split.examples["index"]).reshape(-1, 2)]
    np.testing.assert_array_equal(drawn["correct"], labels.sum(1) == 11)
    assert 0 < drawn["correct"].sum() < len(labels)
    for title, (first, second) in zip(drawn["titles"], labels, strict=True):
        shown, *truth = title.split("\n")
        assert shown in ("4 + 7 = 11", "7 + 4 = 11")
        same = shown.startswith(f"{first} + {second} ")
        assert truth == ([] if same else [f"truth {first} + {second} = {first + second}"])
    path = tmp_path / "stroke.png"
    Image.fromarray(255 - 255 * np.eye(16, dtype=np.uint8)).save(path)
    answer = task.predict(Undecided(), [path, path])
    assert answer["answer"] == 11
    assert answer["read"] in ("4 + 7", "7 + 4")
    assert sorted(answer["confidence of each digit"].split(", ")) == ["0.350", "0.400"]
    assert answer["confidence"] == pytest.approx(2 * 0.4 * 0.35, abs=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["n4", "n4_augmented"])
def test_four_digits_come_near_their_figure_in_four_epochs(variant, tmp_path):
    try:
        ns.datasets.mnist()
    except ns.datasets.MissingDataError as error:
        pytest.skip(f"MNIST is not here: {error}")
    config = get_config("mnist_addition", variant)
    config.train.epochs = 4
    config.data.regroupings = 20
    result = train(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.metrics["sum_accuracy"] >= 0.8


def test_bad_configs():
    with pytest.raises(ValueError, match="digits or mnist, not 'letters'"):
        DigitAddition(small_config(dataset="letters"))
    with pytest.raises(ValueError, match=r"config.data.digits must be at least 1"):
        DigitAddition(small_config(digits=0))
    with pytest.raises(ValueError, match=r"config.data.regroupings must be at least 1, not -1"):
        DigitAddition(small_config(regroupings=-1))
    with pytest.raises(ValueError, match=r"no field config.data.finall; near matches: final"):
        DigitAddition(small_config(finall=True))
    config = small_config()
    config.reasoning.form = "rows"
    with pytest.raises(ValueError, match=r"config.reasoning.form is sum or columns, not 'rows'"):
        DigitAddition(config)
    config = small_config()
    config.augmentation = {"rotation": 10.0}
    with pytest.raises(ValueError, match="augmentation has no option rotation"):
        DigitAddition(config)
    config = small_config()
    config.bridge.temperature.flor = 0.1
    with pytest.raises(ValueError, match="schedule has no flor"):
        DigitAddition(config)
    config = small_config()
    config.reasoning.semiring = "logg"
    with pytest.raises(ValueError, match="Did you mean log"):
        DigitAddition(config)
    config.reasoning.semiring = "nowhere.at_all:MINE"
    with pytest.raises(ValueError, match="cannot be imported"):
        DigitAddition(config)
    for name in ("digits_addition", "mnist_addition"):
        with pytest.raises(ValueError, match="no variant 'n9'"):
            get_config(name, "n9")


@pytest.mark.slow
def test_mnist_config_runs_two_steps(tmp_path):
    try:
        ns.datasets.mnist()
    except ns.datasets.MissingDataError as error:
        pytest.skip(f"MNIST is not here: {error}")
    config = get_config("mnist_addition", "n2_tune")
    config.train.epochs = 1
    config.train.batch_size = 6000
    config.data.regroupings = 5
    result = train(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.steps == 2
    assert set(result.metrics) >= {"sum_accuracy", "digit_accuracy", "sum_accuracy_regrouped"}
    written = json.loads((tmp_path / "run" / "result.json").read_text())
    assert written["seed"] == 0


@pytest.mark.slow
def test_digits_addition_reaches_its_figure(tmp_path):
    config = get_config("digits_addition")
    result = train(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.metrics["sum_accuracy_regrouped"] >= 0.965


@pytest.mark.slow
def test_mnist_addition_comes_near_its_figure_in_five_epochs(tmp_path):
    try:
        ns.datasets.mnist()
    except ns.datasets.MissingDataError as error:
        pytest.skip(f"MNIST is not here: {error}")
    config = get_config("mnist_addition", "n1")
    config.train.epochs = 5
    result = train(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.metrics["sum_accuracy_regrouped"] >= 0.97
