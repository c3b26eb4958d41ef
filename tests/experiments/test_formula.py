"""The formula task: what its circuit knows, its metrics, and that its config trains."""

import itertools
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from PIL import Image

import neurosym as ns
from experiments._formulas import parse_text
from experiments._images import FORMATS
from experiments.formula import Formula
from neurosym.cli.configs import load_config, load_function
from neurosym.training import SilentProgress, train

ROOT = Path(__file__).parents[2]
SPLITS = ("train", "validation", "test")
FORMAT = FORMATS["symbols"]


CONFIG = str(ROOT / "configs" / "formula.py")


def small_config(variant: str = "lenet", **data):
    config = load_config(f"{CONFIG}:{variant}")
    load_function(CONFIG, "tiny")(config)
    with config.unlocked():
        config.data.update(data)
    return config


@pytest.fixture(autouse=True)
def marked_symbols(monkeypatch):
    """Four images of each symbol that carry their label and their number instead of ink."""

    def symbols(data_dir=None, *, validation=100):
        labels = np.repeat(np.arange(14, dtype=np.int32), 4)
        images = np.zeros((len(labels), 28, 28), np.uint8)
        images[:, 0, 0] = labels
        images[:, 0, 1] = np.arange(len(labels)) % 4
        return ns.datasets.Symbols(*[part for _ in SPLITS for part in (images, labels)])

    monkeypatch.setattr(ns.datasets, "symbols", symbols)


class Oracle(nnx.Module):
    """Reads the label in the corner, or the next one where the image has a number below."""

    def __init__(self, misread: int) -> None:
        self.misread = misread

    def __call__(self, images):
        pixels = jnp.round(images[:, 0, :2] * FORMAT.deviation + FORMAT.mean).astype(int)
        label, number = pixels[:, 0], pixels[:, 1]
        wrong = number < self.misread
        digit = (label + wrong) % 10
        operator = 10 + (label - 10 + wrong) % 4
        return 50.0 * jax.nn.one_hot(jnp.where(label < 10, digit, operator), 14)


@pytest.fixture(scope="module")
def task():
    return Formula(small_config())


@pytest.mark.parametrize("misread", [0, 1])
def test_metrics_on_constructed_readings(task, misread):
    split = task.split("test")
    batch = task.batch(split.examples, split.shared)
    metrics = jax.jit(lambda b: task.evaluate(Oracle(misread), b))(batch)
    images, labels = task.images("test")
    index, lengths = (np.asarray(split.examples[name]) for name in ("index", "length"))
    wrong = images[index][:, :, 0, 1] < misread
    truth = labels[index]
    read = np.where(truth < 10, (truth + wrong) % 10, 10 + (truth - 10 + wrong) % 4)
    symbols, results = [], []
    for n, length in enumerate(lengths):
        symbols.append((~wrong[n, :length]).sum() / lengths.mean())
        values = [ns.datasets.formula_value(own[n, :length].tolist()) for own in (read, truth)]
        # What divides by zero has no value; then some other reading is the likeliest.
        results.append(None if values[0] is None else values[0] == values[1])
    np.testing.assert_allclose(metrics["symbol_accuracy"], symbols, rtol=1e-6)
    for found, right in zip(np.asarray(metrics["result_accuracy"]), results, strict=True):
        assert right is None or found == right
    shown = np.arange(7) < lengths[:, None]
    np.testing.assert_allclose(np.mean(symbols), (~wrong)[shown].mean())
    assert misread or np.mean(metrics["result_accuracy"]) == 1


def test_splits_hold_what_they_say(task):
    for name, count in zip(SPLITS, (20, 10, 20), strict=True):
        split = task.split(name)
        assert split.size == count
        _, labels = task.images(name)
        symbols, index = (np.asarray(split.examples[field]) for field in ("symbols", "index"))
        np.testing.assert_array_equal(labels[index][symbols >= 0], symbols[symbols >= 0])
        for own, root in zip(symbols, np.asarray(split.examples["root"]), strict=True):
            shown = own[own >= 0].tolist()
            wanted = (len(shown), ns.datasets.formula_value(shown))
            assert task.circuit.answers[root] == wanted
    empty = Formula(small_config(validation_formulas=0)).split("validation")
    assert empty.size == 0


def test_the_loss_is_the_likelihood_of_the_value_whatever_lies_in_unused_slots(task):
    split = task.split("test")
    batch = task.batch(split.examples, split.shared)
    shown = np.arange(7) < np.asarray(batch["length"])[:, None]
    other = {**batch, "images": jnp.where(shown[..., None, None], batch["images"], 3.0)}
    task_as_is = Formula(small_config())
    task_as_is.augmentation = lambda images, key: images

    @jax.jit
    def loss(batch):
        return task_as_is.loss(Oracle(0), batch, key=jax.random.key(0), step=jnp.int32(0))[0]

    assert float(loss(batch)) == pytest.approx(0, abs=1e-3)
    assert float(loss(other)) == pytest.approx(0, abs=1e-3)
    swapped = {**batch, "root": jnp.roll(batch["root"], 1)}
    assert float(loss(swapped)) > 1


VARIANTS = ("lenet", "resnet", "score_function", "top1")


@pytest.mark.parametrize(
    ("variant", "encoder"),
    [
        ("lenet", "mlp"),  # compiles in a tenth of the time
        *(pytest.param(v, None, marks=pytest.mark.slow) for v in VARIANTS),
    ],
)
def test_the_config_runs_two_steps(variant, encoder, tmp_path):
    config = small_config(variant)
    if encoder:
        config.encoder = {"name": encoder, "hidden": (16,)}
    config.train.update(epochs=1, batch_size=10, eval_batch_size=20)
    result = train(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.steps == 2
    assert set(result.metrics) == {"result_accuracy", "symbol_accuracy", "loss"}


def test_pictures_and_predictions(task, tmp_path):
    (picture,) = task.pictures(Oracle(1), tmp_path)
    with Image.open(picture) as image:
        assert image.size[0] > 400
    paths = []
    rng = np.random.default_rng(0)
    for n in range(3):
        paths.append(tmp_path / f"{n}.png")
        Image.fromarray(255 - rng.integers(0, 2, (20, 12)).astype(np.uint8) * 255).save(paths[-1])
    model = ns.encoders.make_encoder(
        "mlp", image_size=28, classes=14, hidden=(8,), rngs=nnx.Rngs(0)
    )
    answer = task.predict(model, paths)
    first, operator, second = answer["read"].split()
    assert operator in "+-×÷"
    assert (first + second).isdigit()
    assert 0 < answer["confidence"] <= 1
    Fraction(answer["value"])
    for count in (0, 2, 9):
        with pytest.raises(ValueError, match="1, 3, 5 or 7 symbols"):
            task.predict(model, (paths * 3)[:count])


class Undecided(nnx.Module):
    """Believes of every digit 7 (0.4), 4 (0.35) or 5 (0.25), and of every operator that it is +."""

    def __call__(self, images):
        logits = jnp.full(14, -20.0).at[jnp.array([7, 4, 5])].set(jnp.log(jnp.array([40, 35, 25])))
        return jnp.broadcast_to(logits.at[10].set(0.0), (len(images), 14))


def test_the_picture_shows_symbols_that_have_the_value(task, tmp_path, monkeypatch):
    """The likeliest symbols of three are 7 + 7, the likeliest value is 11."""
    drawn = {}

    def rows(images, read, truth, notes, correct, path, **options):
        drawn.update(read=read, notes=notes, correct=correct)
        return path

    monkeypatch.setattr(ns.plots, "reading_rows", rows)
    task.pictures(Undecided(), tmp_path)
    lengths = np.asarray(task.split("test").examples["length"])
    assert set(lengths) >= {3, 7}
    for read, note, length in zip(drawn["read"], drawn["notes"], lengths, strict=True):
        text, value = note.split("\n")[0].split(" = ")
        assert len(read) == length
        symbols = [ns.datasets.SIGNS.index(sign) for sign in read]
        assert parse_text(symbols) == text
        assert ns.datasets.formula_value(symbols) == Fraction(value)
        if length == 3:
            assert value == "11"
            assert sorted(read) == ["+", "4", "7"]
    path = tmp_path / "stroke.png"
    Image.fromarray(255 - 255 * np.eye(16, dtype=np.uint8)).save(path)
    answer = task.predict(Undecided(), [path] * 3)
    assert answer["value"] == "11"
    assert answer["read"] in ("4 + 7", "7 + 4")
    assert sorted(answer["confidence of each symbol"].split(", ")) == ["0.350", "0.400", "1.000"]


def test_the_reading_is_the_likeliest_with_the_value(task):
    rng = np.random.default_rng(0)
    beliefs = rng.normal(size=(6, 7, 10)).astype(np.float32)
    beliefs[:, 1::2, 4:] = -np.inf
    answers = [(1, Fraction(4)), (3, Fraction(7, 3)), (3, Fraction(0)), (3, Fraction(-9))]
    answers += [(3, Fraction(81)), (3, Fraction(5))]
    roots = np.array([task.circuit.answers.index(own) for own in answers])
    for own, found, (length, value) in zip(
        beliefs, task.reading(beliefs, roots), answers, strict=True
    ):
        slots = [range(10, 14) if slot % 2 else range(10) for slot in range(length)]
        every = [s for s in itertools.product(*slots) if ns.datasets.formula_value(s) == value]
        scores = [own[np.arange(length), np.array(s) % 10].sum() for s in every]
        assert found.tolist() == list(every[int(np.argmax(scores))])


def test_bad_configs():
    with pytest.raises(ValueError, match=r"no field config.data.formulae; near matches: formulas"):
        Formula(small_config(formulae=3))
    with pytest.raises(ValueError, match=r"config.data.test_formulas must be at least 1, not 0"):
        Formula(small_config(test_formulas=0))
    with pytest.raises(ValueError, match="hold out some with validation_samples"):
        Formula(small_config(validation_samples=0))
    config = small_config()
    config.augmentation = {"shfit": 1.0}
    with pytest.raises(ValueError, match="augmentation has no option shfit"):
        Formula(config)
    config = small_config()
    del config.data["seed"]
    with pytest.raises(ValueError, match=r"needs the field config.data.seed"):
        Formula(config)
    with pytest.raises(ValueError, match="no variant 'n9'"):
        load_config(f"{CONFIG}:n9")


@pytest.mark.slow
def test_lenet_comes_near_its_figure_in_four_epochs(monkeypatch, tmp_path):
    monkeypatch.undo()
    try:
        ns.datasets.symbols()
    except ns.datasets.MissingDataError as error:
        pytest.skip(f"the symbols are not here: {error}")
    config = load_config(CONFIG)
    config.train.epochs = 4
    config.augmentation = {}
    result = train(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.metrics["result_accuracy"] >= 0.9
    assert result.metrics["symbol_accuracy"] >= 0.975
