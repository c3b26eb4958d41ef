"""Every config and every variant of it: loads, makes its task, and trains two steps on tiny data.

What makes a config tiny is its own `tiny(config)`. The steps are made with a tiny perceptron, since
most of the time would go into compiling encoders, which have tests of their own; here they are made
and called abstractly. Variants that are the same program then are run once.
"""

import gzip
import hashlib
import json
import math
import struct
from pathlib import Path

import jax
import numpy as np
import pytest
from flax import nnx

from experiments._kinship import CLUTRR
from neurosym.cli.configs import load_config, load_function
from neurosym.cli.descriptions import describe_module
from neurosym.datasets.mnist import MNIST
from neurosym.datasets.symbols import SYMBOLS
from neurosym.training import (
    AnsweringTask,
    Keys,
    Program,
    Settings,
    load_task,
    make_optimizer,
    make_schedule,
    plain_config,
)
from neurosym.training.state import Anatomy

ROOT = Path(__file__).parents[2]
CONFIGS = {path.stem: path for path in sorted((ROOT / "configs").glob("[!_]*.py"))}
# What beliefs and answers may look at: nothing of it is a label.
INPUTS = {
    "digits_addition": ("images",),
    "formula": ("images", "length"),
    "grandparent": ("pair",),
    "kinship": ("relations", "length"),
    "mnist_addition": ("images",),
    "mnist_classification": ("images",),
    "program": ("images",),
    "visual_sudoku": ("images", "position"),
}
BATCH, STEPS = 2, 2
DRAWN = 100  # of tiny MNIST: enough for six sums of twice four digits


def variants():
    for name, path in CONFIGS.items():
        yield from ((name, variant) for variant in describe_module(path).variants or [""])


@pytest.fixture(scope="module")
def tiny_data(tmp_path_factory):
    """A folder with tiny data in the formats of the real ones."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        # What is generated is kept in the user's cache.
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.delenv("NEUROSYM_DATA_DIR", raising=False)
        (folder / "mnist").mkdir()
        for name in MNIST.md5:
            array = np.arange(DRAWN, dtype=np.uint8) % 10
            if "images" in name:
                array = rng.integers(0, 256, (DRAWN, 28, 28), dtype=np.uint8)
            header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
            content = header + array.tobytes()
            (folder / "mnist" / f"{name}.gz").write_bytes(gzip.compress(content))
            patch.setitem(MNIST.md5, name, hashlib.md5(content).hexdigest())
        (folder / "symbols").mkdir()
        path = folder / "symbols" / "bhmsds.npz"
        signs = [*"0123456789", "plus", "minus", "dot", "slash"]
        samples = np.repeat(np.array([0, 1, 1150, 1250], np.int32), len(signs))
        np.savez(
            path,
            images=rng.integers(0, 256, (len(samples), 28, 28), dtype=np.uint8),
            labels=np.tile(np.arange(len(signs), dtype=np.uint8), 4),
            sample=samples,
            names=np.array(signs),
        )
        patch.setitem(SYMBOLS.md5, path.name, hashlib.md5(path.read_bytes()).hexdigest())
        for name in CLUTRR.md5:
            path = folder / "clutrr" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            content = "edge_types,target\n" + "\"['son', 'wife']\",daughter\n" * 3
            content += "\"['daughter', 'son', 'wife']\",daughter\n" * 3
            path.write_text(content)
            patch.setitem(CLUTRR.md5, name, hashlib.md5(content.encode()).hexdigest())
        yield folder


def test_every_config_has_variants_and_is_made_tiny():
    for path in CONFIGS.values():
        assert describe_module(path).variants
        assert callable(load_function(str(path), "tiny"))


@pytest.fixture(scope="module")
def programs():
    """What has been run already."""
    return set()


@pytest.mark.parametrize(("name", "variant"), list(variants()))
def test_two_steps_of_every_variant(name, variant, tiny_data, programs):
    config = load_config(f"{CONFIGS[name]}:{variant}")
    settings = Settings.from_config(config)
    assert settings.seed == 0
    load_function(str(CONFIGS[name]), "tiny")(config)
    whole = _load(config, tiny_data)
    believed = _believed(whole, INPUTS[name])
    task = whole
    if "encoder" in config:
        with config.unlocked():
            config.encoder = {"name": "mlp", "hidden": (4,)}
        task = _load(config, tiny_data)
        assert believed == _believed(task, INPUTS[name])

    config, split = task.config, task.split("train")
    program = _program_of(name, config, split)
    if program not in programs:
        _make_steps(task, split, settings, INPUTS[name])
        programs.add(program)


def _load(config, data):
    return load_task(plain_config(config), data_dir=str(data), import_roots=[ROOT])


def _believed(task, fields):
    """The shapes of what its task's model says of one example; nothing is computed."""
    split = task.split("test")
    examples = jax.tree.map(lambda x: x[:1], split.examples)

    def believe():
        batch = task.batch(examples, split.shared)
        return task.beliefs(task.model(nnx.Rngs(0)), {name: batch[name] for name in fields})

    return jax.tree.map(lambda x: (x.shape, str(x.dtype)), nnx.eval_shape(believe))


def _program_of(name, config, split):
    """What decides the compiled step; of the data, their shapes alone."""
    fields = {k: v for k, v in config.to_dict().items() if k not in ("data", "train", "seed")}
    arrays = jax.tree.leaves_with_path((split.examples, split.shared))
    shapes = [(jax.tree_util.keystr(path), array.shape) for path, array in arrays]
    return json.dumps([name, fields, config.data.get("size"), str(shapes)], sort_keys=True)


def _make_steps(task, split, settings, fields):
    keys = Keys.of(settings.seed)
    anatomy = Anatomy.of(task.model(nnx.Rngs(keys.init)))
    # The schedule of a long run: tiny data have fewer steps than a warm-up.
    optimizer = make_optimizer(settings.optimizer, make_schedule(settings.optimizer, 10**6))
    program = Program(task, anatomy, optimizer, split, batch_size=BATCH, keys=keys)
    before = jax.device_get(anatomy.initial()[0])
    state = program.run(program.initial_state(*anatomy.initial()), STEPS)
    assert int(state.step) == STEPS
    assert int(state.bad_step) == -1
    assert math.isfinite(state.sums["loss"])
    if getattr(task.config.get("estimator"), "name", "") == "score_function":
        return  # without a sample that holds, as here, it says nothing
    assert state.sums["grad_norm"] > 0
    changed = jax.tree.map(lambda a, b: bool((a != b).any()), before, jax.device_get(state.params))
    assert all(jax.tree.leaves(changed))

    test = task.split("test")
    examples = jax.tree.map(lambda array: array[:1], test.examples)
    evaluated = jax.eval_shape(
        lambda params: task.evaluate(
            anatomy.build(params, state.other), task.batch(examples, test.shared)
        ),
        state.params,
    )
    assert task.metric in evaluated
    assert isinstance(task, AnsweringTask)
    answered = jax.eval_shape(
        lambda params: _answer(
            task, anatomy.build(params, state.other), examples, test.shared, fields
        ),
        state.params,
    )
    assert all(leaf.shape[0] == 1 for leaf in answered.values())
    assert {leaf.shape for leaf in evaluated.values()} == {(1,)}


def _answer(task, model, examples, shared, fields):
    batch = task.batch(examples, shared)
    inputs = {name: batch[name] for name in fields}
    return task.answer(task.beliefs(model, inputs), inputs)
