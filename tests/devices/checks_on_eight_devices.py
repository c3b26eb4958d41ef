"""What holds on eight virtual CPU devices; `test_devices.py` runs these in a process of its own."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from blobs_task import Blobs, get_config, model_of
from compiling import compiled_once
from jax.sharding import NamedSharding, PartitionSpec

import neurosym as ns
from neurosym.training import Devices, Options, RunStopped, Workdir, train, train_seeds
from neurosym.training.checkpoints import Checkpoints

TOLERANCE = 2e-4


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    assert jax.device_count() == 8, "this file wants eight devices"
    with compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


def small(**fields):
    config = get_config()
    config.train.epochs = 2
    config.update(fields)
    return config


def arrays(workdir):
    with Checkpoints(Workdir(workdir), read_only=True) as checkpoints:
        return model_of(checkpoints)


def assert_same_model(workdir, other):
    mine, theirs = arrays(workdir), arrays(other)
    assert mine.keys() == theirs.keys()
    for name, array in theirs.items():
        np.testing.assert_allclose(mine[name], array, atol=TOLERANCE, err_msg=name)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The run on one device: its folder and its result."""
    folder = tmp_path_factory.mktemp("one")
    config = small()
    return folder, train(config, folder, task=Blobs(config))


@pytest.mark.parametrize("devices", [8, 2])
def test_more_devices_learn_the_same(one, tmp_path, devices):
    config = small()
    result = train(config, tmp_path, task=Blobs(config), devices=devices)
    assert_same_model(tmp_path, one[0])
    assert result.metrics == pytest.approx(one[1].metrics, abs=0.02)  # 70 test examples


def test_parameters_may_be_cut(one, tmp_path):
    rules = (("hidden.kernel", (None, "data")), ("head.kernel", ("data", None)))
    mesh = Devices.of(8, rules=rules)
    state = {
        "params": {"hidden": {"kernel": jnp.ones((2, 8))}, "head": {"kernel": jnp.ones((8, 3))}},
        "mu": {"head": {"kernel": jnp.ones((8, 3))}},
        "odd": {"head": {"kernel": jnp.ones((7, 3))}},
    }
    placed = mesh.put_state(state, stacked=False)
    assert placed["params"]["hidden"]["kernel"].sharding.spec == PartitionSpec(None, "data")
    assert placed["mu"]["head"]["kernel"].addressable_shards[0].data.shape == (1, 3)
    assert placed["odd"]["head"]["kernel"].is_fully_replicated
    config = small(sharding=rules)
    train(config, tmp_path, task=Blobs(config), devices=8)
    assert_same_model(tmp_path, one[0])


def test_a_run_goes_on_on_another_number_of_devices(one, tmp_path):
    config, asked = small(), []

    def third_time():
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(RunStopped) as stopped:
        train(
            config, tmp_path, task=Blobs(config), devices=8, options=Options(stop_when=third_time)
        )
    assert 0 < stopped.value.step < 24
    with pytest.raises(RunStopped):
        train(
            config, tmp_path, task=Blobs(config), devices=2, options=Options(stop_when=lambda: True)
        )
    train(config, tmp_path, task=Blobs(config))
    assert_same_model(tmp_path, one[0])


def test_seeds_are_shared_out_first(one, tmp_path):
    mesh = Devices.of(8, seeds=2)
    assert dict(mesh.mesh.shape) == {"seeds": 2, "data": 4}
    config = small()
    options = Options()
    results = train_seeds(config, tmp_path, 2, task=Blobs(config), devices=8, options=options)
    assert [result.together for result in results] == [2, 2]
    assert_same_model(tmp_path / "seed_0", one[0])


def test_devices_that_are_not_there_and_batches_that_do_not_divide(tmp_path):
    config = small()
    with pytest.raises(ValueError, match=r"this host has 8 \(cpu\)"):
        train(config, tmp_path / "a", task=Blobs(config), devices=16)
    with pytest.raises(ValueError, match=r"batch_size \(16\) is not a multiple of the 3"):
        train(config, tmp_path / "b", task=Blobs(config), devices=3)
    assert not (tmp_path / "b").exists()


def cut_over_eight(array):
    mesh = jax.sharding.Mesh(np.asarray(jax.devices()), ("data",))
    return jax.device_put(array, NamedSharding(mesh, PartitionSpec("data")))


def communication(compiled):
    """The operations by which a compiled program's devices exchange numbers, with their shapes."""
    pattern = r"= \(?(\S+?)\)? (all-reduce|all-gather|all-to-all|collective-permute)(?:-start)?\("
    return re.findall(pattern, compiled.as_text())


def queens():
    problem = ns.Problem()
    rows = list(problem.variables("queen", shape=6, domain=range(6)))
    problem.add(ns.AllDifferent(rows))
    for i in range(6):
        for j in range(i + 1, 6):
            far = [(a, b) for a in range(6) for b in range(6) if abs(a - b) != j - i]
            problem.add(ns.Table((rows[i], rows[j]), far))
    return problem.compile()


def test_propagation_is_cut_without_code_of_its_own():
    network = queens()
    masks = np.random.default_rng(0).random((16, 6, 6)) < 0.7
    masks |= np.eye(6, dtype=bool)[np.arange(6)]
    program = jax.jit(jax.vmap(lambda mask: ns.propagate(network, mask).domains.mask))
    whole = program(jnp.asarray(masks))
    given = cut_over_eight(masks)
    compiled = program.lower(given).compile()
    cut = compiled(given)
    assert len({shard.device for shard in cut.addressable_shards}) == 8
    np.testing.assert_array_equal(np.asarray(cut), np.asarray(whole))
    # Devices agree on when to stop, and on nothing else: no domains travel.
    moved = communication(compiled)
    assert all(kind == "all-reduce" and "[]" in shape for shape, kind in moved), moved


def test_the_soft_engine_is_cut_without_code_of_its_own():
    problem = ns.Problem()
    digits = problem.variables("digit", shape=3, domain=range(5))
    problem.add(digits.sum() == 6)
    network = problem.compile()
    weights = np.random.default_rng(1).normal(size=(16, 3, 5)).astype(np.float32)

    def value_and_grad(weights):
        return jax.value_and_grad(lambda w: ns.soft.total(network, w, semiring=ns.LOG))(weights)

    given = cut_over_eight(weights)
    total = jax.jit(jax.vmap(lambda w: ns.soft.total(network, w, semiring=ns.LOG)))
    assert communication(total.lower(given).compile()) == []
    program = jax.jit(jax.vmap(value_and_grad))
    whole = program(jnp.asarray(weights))
    compiled = program.lower(given).compile()
    for mine, theirs in zip(compiled(given), whole, strict=True):
        np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), atol=1e-5)
    # Transposed shifts make the compiler move slices of an instance or two, never a whole batch.
    moved = communication(compiled)
    assert {kind for _, kind in moved} <= {"collective-permute"}, moved
    sizes = [math.prod(map(int, re.search(r"\[([\d,]+)\]", s)[1].split(","))) for s, _ in moved]
    assert max(sizes, default=0) < weights.size / 3 / 2, moved  # half of one variable's batch
