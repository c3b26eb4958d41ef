"""What a run is worth when the machine is not: kills while checkpoints are written, no room."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from blobs_task import Blobs, get_config
from compiling import compiled_once

from neurosym.training import Workdir, read_metrics, read_result, train
from neurosym.training.checkpoints import Checkpoints

HERE = Path(__file__).resolve().parent
SECONDS = 600  # until a process that hangs is given up

# Trains again and again in forks of one process, so that JAX and Orbax are imported once, and kills
# each by SIGKILL at a random moment around one of its next saves.
TRIES = """
import os, random, signal, sys, time
import jax
from blobs_task import Blobs, get_config
from neurosym.training import checkpoints
from neurosym.training import single

workdir, kills, seed, cache, epochs = sys.argv[1], *map(int, sys.argv[2:4]), *sys.argv[4:]
config = get_config()
config.train.update(epochs=int(epochs), checkpoint_every_steps=1, keep_checkpoints=1)
draw = random.Random(seed)
for attempt in range(kills):
    reading, telling = os.pipe()
    child = os.fork()
    if child == 0:
        jax.config.update("jax_compilation_cache_dir", cache)
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        save = checkpoints.Checkpoints.save

        def told(self, *arguments):
            os.write(telling, b"s")
            save(self, *arguments)

        checkpoints.Checkpoints.save = told
        single.train(config, workdir, task=Blobs(config))
        os._exit(7)  # finished: the test asks for more steps than the kills leave time for
    os.close(telling)
    for _ in range(draw.randint(1, 3)):
        if not os.read(reading, 1):
            break
    else:
        time.sleep(draw.uniform(0, 0.1))
        os.kill(child, signal.SIGKILL)
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        sys.exit(f"attempt {attempt} ended by itself, status {status}")
    names = sorted(os.listdir(os.path.join(workdir, "checkpoints")))
    print("killed", names, flush=True)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compiled")
    with compiled_once(folder):
        yield folder


def saved_arrays(workdir):
    with Checkpoints(Workdir(workdir), read_only=True) as checkpoints:
        step = checkpoints.latest()
        return step, checkpoints._read(step)


@pytest.mark.parametrize("kills", [2, pytest.param(50, marks=pytest.mark.slow)])
def test_kills_around_checkpoints_leave_a_whole_one_to_go_on_from(tmp_path, cache, kills):
    epochs = 3 if kills < 10 else 18  # three saves a try at most
    tries = [sys.executable, "-c", TRIES, str(tmp_path / "killed"), str(kills), "0"]
    python_path = os.pathsep.join((str(HERE.parents[1]), str(HERE)))
    done = subprocess.run(
        [*tries, str(cache), str(epochs)],
        env={**os.environ, "PYTHONPATH": python_path, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=4 * SECONDS,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert len(lines) == kills
    # The kills did come while checkpoints were being written, not only between them.
    if kills >= 10:
        assert any("tmp" in line for line in lines), lines
    config = get_config()
    config.train.update(epochs=epochs, checkpoint_every_steps=1, keep_checkpoints=1)
    train(config, tmp_path / "killed", task=Blobs(config))
    train(config, tmp_path / "whole", task=Blobs(config))
    step, mine = saved_arrays(tmp_path / "killed")
    assert step == 12 * epochs
    for name, array in saved_arrays(tmp_path / "whole")[1].items():
        np.testing.assert_array_equal(mine[name], array, err_msg=name)
    killed, whole = (
        read_metrics(tmp_path / name / "metrics.jsonl") for name in ("killed", "whole")
    )
    assert [r["loss"] for r in killed if "loss" in r] == [r["loss"] for r in whole if "loss" in r]
    assert not [p for p in (tmp_path / "killed" / "checkpoints").iterdir() if "tmp" in p.name]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of two megabytes, which only root can have."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def neurosym(cache, *arguments):
    main = "import sys; from neurosym.cli.main import main; sys.exit(main())"
    python_path = os.pathsep.join((str(HERE.parents[1]), str(HERE)))
    return subprocess.run(
        [sys.executable, "-c", main, *arguments],
        env={**os.environ, "PYTHONPATH": python_path, "XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def test_a_full_disk_and_a_read_only_one_lose_nothing(tmp_path, cache, small_disk):
    workdir = small_disk / "run"
    command = ["train", f"--config={HERE / 'blobs_task.py'}", f"--workdir={workdir}"]
    command.append("--config.train.epochs=20")
    filling = small_disk / "filling"
    filling.write_bytes(bytes(1_900_000))
    full = neurosym(cache, *command)
    assert full.returncode == 2
    assert f"cannot write to {workdir}: No space left on device (step " in full.stderr
    assert "Traceback" not in full.stderr
    saved, arrays = saved_arrays(workdir)
    assert saved < 240
    assert read_result(Workdir(workdir)) is None

    filling.unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    read_only = neurosym(cache, *command)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert read_only.returncode == 2
    assert "Read-only file system" in read_only.stderr
    assert "Traceback" not in read_only.stderr
    assert saved_arrays(workdir)[0] == saved

    config = get_config()
    config.train.epochs = 20
    train(config, workdir, task=Blobs(config))
    train(config, tmp_path / "whole", task=Blobs(config))
    step, mine = saved_arrays(workdir)
    assert step == 240
    assert arrays.keys() == mine.keys()
    for name, array in saved_arrays(tmp_path / "whole")[1].items():
        np.testing.assert_array_equal(mine[name], array, err_msg=name)


def test_data_that_cannot_be_read_are_not_taken_for_a_workdir_that_cannot_be_written(
    tmp_path, cache
):
    class Forbidden(Blobs):
        def split(self, name):
            if name == "test":
                raise PermissionError(errno.EACCES, "Permission denied", "/data/test.npz")
            return super().split(name)

    config = get_config()
    config.train.epochs = 1
    with pytest.raises(PermissionError) as refused:
        train(config, tmp_path / "run", task=Forbidden(config))
    assert refused.value.filename == "/data/test.npz"
