"""Visual sudoku: what is shown and labelled, decoding, metrics, and the pipeline in bits."""

import itertools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import neurosym as ns
from experiments._sudoku_boards import SPLITS, make_sudokus
from experiments.visual_sudoku import Images, VisualSudoku
from neurosym.cli.configs import load_config, load_function
from neurosym.training import SilentProgress
from neurosym.training import train as run_training

ROOT = Path(__file__).parents[2]


CONFIG = str(ROOT / "configs" / "visual_sudoku.py")


def images_of(split, size, count=200):
    """Noisy patterns, one a digit, that carry their digit in a corner as well."""
    random = np.random.default_rng([SPLITS.index(split), 7])
    patterns = np.random.default_rng(3).random((size + 1, 28, 28)) < 0.3
    labels = random.integers(1, size + 1, count).astype(np.int32)
    images = 150 * patterns[labels] + random.integers(0, 100, (count, 28, 28))
    images[:, 0, 0] = labels
    return Images(images.astype(np.uint8), labels)


def make_task(variant="size4", **data):
    config = load_config(f"{CONFIG}:{variant}")
    config.encoder = {"name": "mlp", "hidden": (32,)}
    config.augmentation = {}
    load_function(CONFIG, "tiny")(config)
    config.data.update({"labelled": 10, **data})
    task = VisualSudoku(config)
    task.images = {name: images_of(name, 4) for name in SPLITS}
    return task


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        made = make_task()
        assert set(made.boards) == set(SPLITS)  # made while the cache is there
        yield made


class Reader(nnx.Module):
    """Reads the digit in the corner; of the first images of a board, with a mistake."""

    def __init__(self, wrong: int, certainty: float = 50.0) -> None:
        self.wrong, self.certainty = wrong, certainty

    def __call__(self, images):
        pixel = images[:, 0, 0] * ns.datasets.MNIST_DEVIATION + ns.datasets.MNIST_MEAN
        digit = jnp.round(pixel).astype(int) - 1
        changed = jnp.arange(len(images)) % 6 < self.wrong  # six givens a board
        return self.certainty * jax.nn.one_hot((digit + changed) % 4, 4)


def all_boards():
    """The 288 boards of 4x4, by brute force."""
    rows = list(itertools.permutations(range(1, 5)))
    boards = np.array(list(itertools.product(rows, repeat=4)))
    columns = boards.swapaxes(1, 2)
    boxes = boards.reshape(-1, 2, 2, 2, 2).swapaxes(2, 3).reshape(-1, 4, 4)
    legal = [(np.sort(lines, -1) == np.arange(1, 5)).all((1, 2)) for lines in (columns, boxes)]
    return boards[legal[0] & legal[1]].reshape(-1, 16)


def test_what_is_shown_and_what_is_labelled(task):
    for name in SPLITS:
        boards, pool = task.boards[name], task.images[name]
        shown = pool.labels[boards.image]
        np.testing.assert_array_equal(
            shown, np.take_along_axis(boards.solution, boards.position, 1)
        )
        given = np.zeros(boards.solution.shape, bool)
        np.put_along_axis(given, boards.position, True, 1)
        assert (given.sum(1) == 6).all()
        labelled = boards.label > 0
        assert not (labelled & given).any(), "a given cell is labelled"
        assert (labelled.sum(1) == 10).all()
        assert (boards.label[labelled] == boards.solution[labelled]).all()
        puzzles = np.where(given, boards.solution, 0)
        known = all_boards()
        for puzzle in puzzles:
            assert ((puzzle == 0) | (known == puzzle)).all(1).sum() == 1


def test_fewer_labels_label_fewer_cells(task):
    few = make_task(labelled=3)
    assert ((few.boards["train"].label > 0).sum(1) == 3).all()
    same = few.boards["train"].solution == task.boards["train"].solution
    assert same.all()


def test_splits_share_no_puzzle_and_follow_from_the_seed(task):
    sudokus = make_sudokus(size=4, givens=6, counts=(64, 20, 20), seed=0)
    again = make_sudokus(size=4, givens=6, counts=(64, 20, 20), seed=0)
    puzzles = [sudokus[f"{name}_puzzles"] for name in SPLITS]
    assert len(np.unique(np.concatenate(puzzles), axis=0)) == 104
    for name, array in sudokus.items():
        np.testing.assert_array_equal(array, again[name])
    other = make_sudokus(size=4, givens=6, counts=(64, 20, 20), seed=1)
    assert (other["test_puzzles"] != sudokus["test_puzzles"]).any()


@pytest.mark.slow
def test_boards_of_different_splits_are_no_symmetries():
    sudokus = make_sudokus(size=9, givens=36, counts=(200, 50, 50), seed=0)
    prints = [ns.puzzles.sudoku_fingerprints(sudokus[f"{name}_solutions"]) for name in SPLITS]
    together = np.concatenate(prints)
    assert len(np.unique(together)) == len(together)


def test_the_decoded_board_is_the_likeliest_legal_one(task):
    boards = task.boards["test"]
    random = np.random.default_rng(0)
    logits = jnp.asarray(random.normal(size=(20, 16, 4)) * 3, jnp.float32)
    answer = jax.jit(task.answer)(logits, {"position": jnp.asarray(boards.position)})
    known = all_boards()
    assert len(known) == 288
    weights = np.asarray(jax.nn.log_softmax(logits), np.float64)
    for n, board in enumerate(np.asarray(answer["board"])):
        assert (known == board).all(1).any(), "an illegal board"
        cells = boards.position[n]
        totals = weights[n, cells, known[:, cells] - 1].sum(1)
        own = weights[n, cells, board[cells] - 1].sum()
        np.testing.assert_allclose(own, totals.max(), atol=1e-4)


@pytest.mark.parametrize("wrong", [0, 1])
def test_metrics_on_constructed_readings(task, wrong):
    split = task.split("test")
    batch = task.batch(split.examples, split.shared)
    found = {k: np.asarray(v) for k, v in task.evaluate(Reader(wrong), batch).items()}
    np.testing.assert_allclose(found["digit_accuracy"], 1 - wrong / 6, atol=1e-6)
    np.testing.assert_array_equal(found["board_accuracy_independent"], float(wrong == 0))
    np.testing.assert_array_equal(found["decoding_proven_best"], 1)
    if not wrong:
        np.testing.assert_array_equal(found["board_accuracy"], 1)
        np.testing.assert_array_equal(found["cell_accuracy"], 1)
    else:
        # The first given is misread for certain, so a board is right where the rules overrule it.
        known, boards = all_boards(), task.boards["test"]
        for n in range(len(boards.solution)):
            cells = boards.position[n]
            read = boards.solution[n, cells].copy()
            read[0] = read[0] % 4 + 1
            agreement = (known[:, cells] == read).sum(1)
            best = known[agreement == agreement.max()]
            if len(best) == 1:
                right = (best[0] == boards.solution[n]).mean()
                np.testing.assert_allclose(found["cell_accuracy"][n], right, atol=1e-6)
                assert found["board_accuracy"][n] == (right == 1)


def loss_and_gradient(task, model, batch, step=0):
    def loss(model):
        return task.loss(model, batch, key=jax.random.key(0), step=jnp.asarray(step))

    return nnx.jit(nnx.value_and_grad(loss, has_aux=True))(model)


def test_all_of_the_empty_cells_decide_the_givens(task):
    """The loss is minus the log-probability of the readings that the labels leave possible."""
    split = task.split("train")
    batch = jax.tree.map(lambda x: x[:8], task.batch(split.examples, split.shared))
    model = task.model(nnx.Rngs(0))
    (loss, metrics), _ = loss_and_gradient(task, model, batch)
    logits = np.asarray(task.beliefs(model, batch))
    log_p = np.asarray(jax.nn.log_softmax(logits), np.float64)
    known, expected, counts = all_boards(), [], []
    for n in range(8):
        label, cells = np.asarray(batch["label"][n]), np.asarray(batch["position"][n])
        fits = known[((label == 0) | (known == label)).all(1)]
        scores = log_p[n, cells, fits[:, cells] - 1].sum(1)
        expected.append(np.logaddexp.reduce(scores))
        counts.append(len(fits))
    np.testing.assert_allclose(loss, -np.mean(expected), rtol=1e-4)
    np.testing.assert_allclose(metrics["solutions"], np.mean(counts), rtol=1e-5)
    assert metrics["exact"] == 1


def boards_of_nine(count):
    """Legal boards, and 36 cells of each; what makes unique puzzles has tests of its own."""
    row, column = np.divmod(np.arange(81), 9)
    pattern = 3 * (row % 3) + row // 3 + column
    solutions = ((pattern + np.arange(count)[:, None]) % 9 + 1).astype(np.int8)
    places = np.random.default_rng(0).random((count, 81)).argsort(1)
    return {"puzzles": np.where(places < 36, solutions, 0), "solutions": solutions}


def test_two_steps_of_the_default_on_boards_of_nine(monkeypatch):
    """The default as it is, LeNet and varied images included, on other images and few boards."""
    config = load_config(f"{CONFIG}:default")
    sudokus = {f"{name}_{key}": x for name in SPLITS for key, x in boards_of_nine(2).items()}
    monkeypatch.setattr(ns.datasets, "generated", lambda *_, **__: sudokus)
    nine = VisualSudoku(config)
    nine.images = {name: images_of(name, 9) for name in SPLITS}
    split = nine.split("train")
    batch = jax.tree.map(lambda x: x[:2], nine.batch(split.examples, split.shared))
    assert batch["label"].shape == (2, 81)
    assert batch["images"].shape[:2] == batch["position"].shape == (2, 36)
    graph, params = nnx.split(nine.model(nnx.Rngs(0)))

    @jax.jit
    def step(params, n):
        def loss(params):
            model = nnx.merge(graph, params)
            return nine.loss(model, batch, key=jax.random.key(0), step=n)

        (value, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        moved = jax.tree.map(lambda x, g: x - 1e-3 * g, params, gradient)
        return moved, value, metrics, optax.global_norm(gradient)

    losses = []
    for n in range(2):
        params, value, metrics, norm = step(params, n)
        losses.append(float(value))
        assert np.isfinite(norm)
        assert norm > 0
        assert metrics["solutions"] >= 1  # what the labels leave possible: the truth at least
    assert losses[1] != losses[0]
    assert 0 < losses[0] < 36 * 2 * np.log(9)  # a reading by chance costs 36 logs of nine


def bits_task():
    task = make_task("gumbel_bits", labelled=8)
    task.temperature = ns.bridge.make_schedule("constant", start=3.0)
    return task


def test_the_step_in_bits_has_a_loop_over_lanes(task):
    bits = bits_task()
    split = bits.split("train")
    batch = jax.tree.map(lambda x: x[:4], bits.batch(split.examples, split.shared))
    graph, params = nnx.split(bits.model(nnx.Rngs(0)))

    def step(params):
        def loss(params):
            model = nnx.merge(graph, params)
            return bits.loss(model, batch, key=jax.random.key(0), step=jnp.asarray(0))[0]

        gradient = jax.grad(loss)(params)
        return optax.sgd(0.1).update(gradient, optax.sgd(0.1).init(params))

    lowered = jax.jit(step).lower(params)
    text = lowered.as_text()
    assert "stablehlo.while" in text
    assert "ui64" in text


def train(task, steps, *, backward):
    """Trains with Adam; returns the share of test digits that are read right."""
    optimizer = nnx.Optimizer(task.model(nnx.Rngs(0)), optax.adam(3e-3), wrt=nnx.Param)
    model = task.model(nnx.Rngs(0))
    split = task.split("train")

    @nnx.jit
    def step(model, optimizer, examples, key, n):
        def loss(model):
            batch = task.batch(examples, split.shared)
            value, _ = task.loss(model, batch, key=key, step=n)
            return value if backward else jax.lax.stop_gradient(value)

        optimizer.update(model, nnx.grad(loss)(model))

    for n in range(steps):
        first = n * 16 % 64
        examples = jax.tree.map(lambda x, first=first: x[first : first + 16], split.examples)
        step(model, optimizer, examples, jax.random.fold_in(jax.random.key(1), n), jnp.asarray(n))
    test = task.split("test")
    found = task.evaluate(model, task.batch(test.examples, test.shared))
    return float(found["digit_accuracy"].mean())


def test_training_in_bits_needs_the_backward_rule(task):
    bits = bits_task()
    bits.images = task.images
    assert train(bits, 60, backward=True) > 0.95
    assert train(bits, 60, backward=False) < 0.6


def test_pictures_and_prediction(task, tmp_path):
    reader = Reader(0)
    paths = task.pictures(reader, tmp_path)
    assert [path.name for path in paths] == ["boards.png", "board.png"]
    assert all(path.stat().st_size > 1000 for path in paths)
    answer = task.predict(task.model(nnx.Rngs(0)), [tmp_path / "board.png"])
    board = [int(c) for c in str(answer["board"]) if c.isdigit()]
    assert (all_boards() == board).all(1).any()
    with pytest.raises(ValueError, match="one picture"):
        task.predict(reader, [tmp_path / "board.png"] * 2)
    blank = ns.plots.board_image(
        np.zeros((0, 28, 28), np.uint8), np.zeros(0, int), 4, tmp_path / "blank.png"
    )
    with pytest.raises(ValueError, match="shows no digit"):
        task.predict(reader, [blank])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"size": 16}, "4 or 9"),
        ({"labelled": 11}, "only empty ones"),
        ({"boards": 0}, "at least 1"),
        ({"givns": 3}, "near matches: givens"),
    ],
)
def test_bad_data_fields(data, message):
    config = load_config(f"{CONFIG}:size4")
    with config.unlocked():
        config.data.update(data)
    with pytest.raises(ValueError, match=message):
        VisualSudoku(config)


@pytest.fixture
def mnist_or_skip():
    try:
        ns.datasets.mnist()
    except ns.datasets.MissingDataError as error:
        pytest.skip(f"MNIST is not here: {error}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "boards", "least"),
    [
        ("default", 4000, 0.85),
        ("labels30", 6000, 0.85),
        ("labels20", 6000, 0.85),
        ("resnet", 4000, 0.85),
        ("gumbel_bits", 4000, 0.85),
        ("gumbel_bits20", 6000, 0.85),
        ("size4", 4000, 0.95),
    ],
)
def test_comes_near_its_figure_in_one_epoch(variant, boards, least, mnist_or_skip, tmp_path):
    config = load_config(f"{CONFIG}:{variant}")
    config.data.update({"boards": boards, "validation_boards": 100, "test_boards": 500})
    config.train.epochs = 1
    result = run_training(config, tmp_path / "run", progress=SilentProgress(), import_roots=[ROOT])
    assert result.metrics["board_accuracy"] >= least
    assert result.metrics["board_accuracy"] > result.metrics["board_accuracy_independent"]
