"""Seeds as an axis: each seed's run is what it is alone."""

import jax
import numpy as np
import pytest
from blobs_task import Blobs, get_config, model_of
from compiling import compiled_once

from neurosym.training import (
    Options,
    RunStopped,
    SilentProgress,
    Workdir,
    read_metrics,
    read_result,
    train_seeds,
)
from neurosym.training import train as train_one
from neurosym.training.checkpoints import Checkpoints

# Parameters after 24 steps, in units of one; the batched products are summed in another order.
TOLERANCE = 2e-4
# Of 50 validation examples two may lie so near to a border that they fall to the other side.
COUNTED = 0.05


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    with compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


def model_arrays(workdir):
    with Checkpoints(Workdir(workdir), read_only=True) as checkpoints:
        return checkpoints.latest(), model_of(checkpoints)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Three runs, one by one: their folders by seed, from 5 on."""
    folder = tmp_path_factory.mktemp("alone")
    for seed in (5, 6, 7):
        config = get_config()
        config.train.epochs, config.seed = 2, seed
        train_one(config, folder / str(seed), task=Blobs(config))
    return folder


def seeds_config(**data):
    config = get_config()
    config.train.epochs, config.seed = 2, 5
    config.data.update(data)
    return config


def assert_as_alone(alone, workdir, seed):
    step, mine = model_arrays(workdir / f"seed_{seed}")
    other_step, theirs = model_arrays(alone / str(seed))
    assert step == other_step
    for name, array in theirs.items():
        np.testing.assert_allclose(mine[name], array, atol=TOLERANCE, err_msg=name)
    lines = read_metrics(workdir / f"seed_{seed}" / "metrics.jsonl")
    wanted = read_metrics(alone / str(seed) / "metrics.jsonl")
    assert [(r["step"], r["split"]) for r in lines] == [(r["step"], r["split"]) for r in wanted]
    for line, other in zip(lines, wanted, strict=True):
        for name, within in (("loss", 1e-3), ("accuracy", COUNTED)):
            if name in other:
                assert line[name] == pytest.approx(other[name], abs=within), (seed, line["step"])


@pytest.mark.parametrize("at_once", [None, 2])
def test_each_seed_is_as_it_is_alone(alone, tmp_path, at_once):
    config = seeds_config()
    found = train_seeds(config, tmp_path, 3, task=Blobs(config), at_once=at_once)
    assert [result.seed for result in found] == [5, 6, 7]
    assert [result.together for result in found] == ([3, 3, 3] if at_once is None else [2, 2, 1])
    for seed, result in zip((5, 6, 7), found, strict=True):
        assert_as_alone(alone, tmp_path, seed)
        place = tmp_path / f"seed_{seed}"
        assert read_result(Workdir(place)) == result
        assert Workdir(place).read_config().seed == seed
        alone_result = read_result(Workdir(alone / str(seed)))
        assert result.metrics["accuracy"] == pytest.approx(
            alone_result.metrics["accuracy"], abs=COUNTED
        )
        assert result.metrics["width"] == 8.0
    # Compiling is shared out among the seeds of the program for which it was done.
    compiled = [result.compile_seconds for result in found]
    assert compiled[0] == pytest.approx(compiled[1], rel=0.2)
    assert all(seconds > 0 for seconds in compiled)
    assert all(result.wall_seconds > 0 for result in found)


def test_stopped_seeds_go_on_together_or_alone(alone, tmp_path):
    config = seeds_config()
    asked = []

    def twice():
        asked.append(1)
        return len(asked) > 2

    with pytest.raises(RunStopped) as stopped:
        train_seeds(config, tmp_path, 3, task=Blobs(config), options=Options(stop_when=twice))
    assert 0 < stopped.value.step < 24
    # One of them goes on alone, in its own folder, as any run does; so the others are behind it.
    mine = seeds_config()
    mine.seed = 6
    train_one(mine, tmp_path / "seed_6", task=Blobs(mine))
    found = train_seeds(config, tmp_path, 3, task=Blobs(config))
    assert [result.together for result in found] == [2, 1, 2]
    for seed in (5, 6, 7):
        assert_as_alone(alone, tmp_path, seed)


@pytest.mark.parametrize("at_once", [None, 1])
def test_a_metric_that_is_not_a_number_ends_its_seed_alone(alone, tmp_path, at_once):
    class OneBad(Blobs):
        """A metric that is not a number for the seed 6, which is told by its key."""

        def loss(self, model, batch, *, key, step):
            loss, metrics = super().loss(model, batch, key=key, step=step)
            bad = (step == 3) & (jax.random.key_data(key)[0] == self.config.data.bad_key)
            return loss, {**metrics, "margin": jax.numpy.where(bad, jax.numpy.nan, 1.0)}

    from neurosym.training import Keys

    key = jax.random.key_data(jax.random.fold_in(Keys.of(6).step, 3))[0]
    config = seeds_config(bad_key=int(key))
    with pytest.raises(ExceptionGroup, match="1 of 3 seeds") as failed:
        train_seeds(config, tmp_path, 3, task=OneBad(config), at_once=at_once)
    (error,) = failed.value.exceptions
    assert "the metric 'margin' of the task's loss (nan) is not finite" in str(error)
    assert read_result(Workdir(tmp_path / "seed_6")) is None
    for seed in (5, 7):
        assert_as_alone(alone, tmp_path, seed)
        mine = read_result(Workdir(tmp_path / f"seed_{seed}")).metrics["accuracy"]
        theirs = read_result(Workdir(alone / str(seed))).metrics["accuracy"]
        assert mine == pytest.approx(theirs, abs=COUNTED)


def test_seeds_with_damaged_checkpoints_go_on_from_where_each_is_whole(alone, tmp_path):
    config = seeds_config()
    config.train.checkpoint_every_steps = 5
    config.train.keep_checkpoints = 3
    asked = []

    def late():
        asked.append(1)
        return len(asked) > 3

    with pytest.raises(RunStopped) as stopped:
        train_seeds(config, tmp_path, 2, task=Blobs(config), options=Options(stop_when=late))
    newest = tmp_path / "seed_6" / "checkpoints" / str(stopped.value.step)
    for path in newest.rglob("manifest.ocdbt"):
        path.write_bytes(b"")
    heard = []
    progress = type("Heard", (SilentProgress,), {"say": lambda self, text: heard.append(text)})()
    options = Options(progress=progress)
    found = train_seeds(config, tmp_path, 2, task=Blobs(config), options=options)
    assert [result.together for result in found] == [1, 1]
    (skipped,) = [text for text in heard if text.startswith("skipped the damaged checkpoint")]
    assert str(newest) in skipped
    for seed in (5, 6):
        assert model_arrays(tmp_path / f"seed_{seed}")[0] == 24


@pytest.mark.parametrize("at_once", [None, 1])
def test_a_seed_that_diverges_does_not_take_the_others_along(alone, tmp_path, at_once):
    class OneBad(Blobs):
        """Not finite in the one seed whose first permutation starts with a certain example."""

        def loss(self, model, batch, *, key, step):
            loss, metrics = super().loss(model, batch, key=key, step=step)
            bad = (step == 3) & (jax.random.key_data(key)[0] == self.config.data.bad_key)
            return jax.numpy.where(bad, jax.numpy.nan, loss), metrics

    from neurosym.training import Keys

    key = jax.random.key_data(jax.random.fold_in(Keys.of(6).step, 3))[0]
    config = seeds_config(bad_key=int(key))
    with pytest.raises(ExceptionGroup, match="1 of 3 seeds") as failed:
        train_seeds(config, tmp_path, 3, task=OneBad(config), at_once=at_once)
    (error,) = failed.value.exceptions
    assert error.step == 3
    assert "seed_6" in str(error)
    assert read_result(Workdir(tmp_path / "seed_6")) is None
    for seed in (5, 7):
        assert_as_alone(alone, tmp_path, seed)
        assert read_result(Workdir(tmp_path / f"seed_{seed}")) is not None


def test_data_that_depend_on_the_seed_are_refused(tmp_path, monkeypatch):
    class Seeded(Blobs):
        def split(self, name):
            self.config.data.noise = 0.9 + 0.1 * self.config.seed
            return super().split(name)

    monkeypatch.setattr("blobs_task.Seeded", Seeded, raising=False)
    config = seeds_config()
    config.task = "blobs_task:Seeded"
    with pytest.raises(ValueError, match=r"depend on config\.seed"):
        train_seeds(config, tmp_path, 2)
    assert list(tmp_path.iterdir()) == []


def test_what_does_not_fit_is_trained_in_turns(tmp_path, monkeypatch):
    config = seeds_config()
    config.train.epochs = 1
    needed = []
    from neurosym.training import seeds

    measure = seeds._bytes_needed

    def measured(setup):
        needed.append(measure(setup))
        return needed[-1]

    monkeypatch.setattr(seeds, "_bytes_needed", measured)
    monkeypatch.setattr(seeds, "_bytes_free", lambda: 0.75 * needed[0] / seeds._SHARE)
    found = train_seeds(config, tmp_path, 4, task=Blobs(config))
    assert [result.together for result in found] == [2, 2, 2, 2]
    assert needed[1] < needed[0]


@pytest.mark.parametrize("arguments", [(0, {}), (2, {"at_once": 0})])
def test_numbers_below_one_are_refused(tmp_path, arguments):
    seeds, options = arguments
    with pytest.raises(ValueError, match="at least 1"):
        train_seeds(get_config(), tmp_path, seeds, **options)


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1, 2**31, 2**32 - 1])
def test_the_streams_of_a_seed_are_those_of_its_key(seed):
    from neurosym.training import Keys

    root, keys = jax.random.key(seed), Keys.of(seed)
    for stream, key in enumerate((keys.init, keys.data, keys.step)):
        assert jax.random.key_data(key).tolist() == (
            jax.random.key_data(jax.random.fold_in(root, stream)).tolist()
        )
