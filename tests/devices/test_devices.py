"""Several devices and several processes, each test in processes of its own."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from blobs_task import Blobs, get_config, model_of

from neurosym.cli.main import main
from neurosym.training import (
    Options,
    RunStopped,
    SilentProgress,
    Workdir,
    read_metrics,
    read_result,
    train,
)
from neurosym.training.checkpoints import Checkpoints

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
SECONDS = 240  # until a process that hangs is given up
MAIN = "import sys; from neurosym.cli.main import main; sys.exit(main())"


def environment(cache, devices=1):
    flags = re.sub(
        r"--xla_force_host_platform_device_count=\d+", "", os.environ.get("XLA_FLAGS", "")
    )
    python_path = os.pathsep.join((str(TESTS.parent), str(TESTS), str(TESTS / "training")))
    return {
        **os.environ,
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        "PYTHONPATH": python_path,
        "XDG_CACHE_HOME": str(cache),
    }


def test_on_eight_devices(tmp_path):
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n0"]
    command.append(str(HERE / "checks_on_eight_devices.py"))
    finished = subprocess.run(
        command,
        cwd=TESTS.parent,
        env=environment(tmp_path, devices=8),
        capture_output=True,
        text=True,
        timeout=4 * SECONDS,
    )
    assert finished.returncode == 0, finished.stdout[-5000:] + finished.stderr[-2000:]
    assert re.search(r"\d+ passed", finished.stdout)


class Heard(SilentProgress):
    """Keeps what it is told."""

    def __init__(self):
        self.said = []

    def say(self, message):
        self.said.append(message)


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


class Run:
    """The same command line in one process or in two that are joined."""

    def __init__(self, cache, workdir, processes, *overrides):
        port = free_port()
        self.processes = []
        for index in range(processes):
            command = [sys.executable, "-c", MAIN, "train"]
            command += [f"--config={TESTS / 'training' / 'blobs_task.py'}", f"--workdir={workdir}"]
            command += overrides
            if processes > 1:
                command += [f"--coordinator=localhost:{port}", f"--num_processes={processes}"]
                command += [f"--process_id={index}"]
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=environment(cache),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for process in self.processes:
            process.kill()
            process.communicate()

    def finish(self):
        """Exit codes and what was said, of each."""
        said = [process.communicate(timeout=SECONDS) for process in self.processes]
        return [process.returncode for process in self.processes], said


def arrays(workdir):
    with Checkpoints(Workdir(workdir), read_only=True) as checkpoints:
        return checkpoints.latest(), model_of(checkpoints)


def assert_same_model(workdir, other):
    step, mine = arrays(workdir)
    other_step, theirs = arrays(other)
    assert step == other_step
    for name, array in theirs.items():
        np.testing.assert_allclose(mine[name], array, atol=5e-4, err_msg=name)


def config_with(**train_fields):
    config = get_config()
    config.train.update(train_fields)
    return config


def test_two_processes_learn_what_one_does(tmp_path):
    with Run(tmp_path / "cache", tmp_path / "two", 2, "--config.train.epochs=2") as both:
        codes, said = both.finish()
        assert codes == [0, 0], said
    assert "accuracy" in said[0][0]
    assert "accuracy" not in said[1][0]  # the first speaks for all
    config = config_with(epochs=2)
    result = train(config, tmp_path / "one", task=Blobs(config))
    assert_same_model(tmp_path / "two", tmp_path / "one")
    mine = read_result(Workdir(tmp_path / "two"))
    assert mine.metrics == pytest.approx(result.metrics, abs=0.02)
    steps = [r["step"] for r in read_metrics(tmp_path / "two" / "metrics.jsonl")]
    assert steps == [12, 12, 24, 24]  # each line once, by one process


def test_a_killed_process_stops_the_other_with_a_word_and_the_run_goes_on(tmp_path):
    epochs = 100_000
    overrides = (f"--config.train.epochs={epochs}", "--config.train.eval_every_epochs=1000")
    place = Workdir(tmp_path / "long")
    with Run(tmp_path / "cache", place.path, 2, *overrides) as both:
        deadline = time.monotonic() + SECONDS
        while len(read_metrics(place.metrics)) < 3:
            assert time.monotonic() < deadline
            assert all(process.poll() is None for process in both.processes), both.finish()
            time.sleep(0.1)
        both.processes[1].send_signal(signal.SIGKILL)
        codes, said = both.finish()
    assert codes[0] == 1
    assert "stopped answering" in said[0][1], said[0][1]
    assert "start all processes again" in said[0][1]
    saved = arrays(place.path)[0]
    assert saved >= 12
    assert not place.result.exists()
    # One process goes on where two were.
    config = config_with(epochs=epochs, eval_every_epochs=1000)
    heard = Heard()
    with pytest.raises(RunStopped):
        train(
            config,
            place.path,
            task=Blobs(config),
            options=Options(
                progress=heard,
                stop_when=lambda: len(read_metrics(place.metrics)) > saved // 12 + 2,
            ),
        )
    assert f"resuming from step {saved}" in heard.said
    steps = [r["step"] for r in read_metrics(place.metrics) if r["split"] == "train"]
    assert steps == list(range(12, steps[-1] + 1, 12))
    assert len(steps) > saved // 12


@pytest.mark.parametrize(
    ("flags", "wrong"),
    [
        (["--coordinator=localhost:1"], "several processes need --num_processes=N, --process_id=I"),
        (["--coordinator=localhost", "--num_processes=2", "--process_id=0"], "must be HOST:PORT"),
        (["--coordinator=a:1", "--num_processes=2", "--process_id=2"], "must be below"),
        (["--distributed", "--process_id=0"], "leave out --coordinator"),
        (["--seeds_at_once=2"], "goes with --seeds"),
    ],
)
def test_flags_that_do_not_go_together(tmp_path, capsys, flags, wrong):
    config = TESTS / "training" / "blobs_task.py"
    assert main(["train", f"--config={config}", f"--workdir={tmp_path / 'w'}", *flags]) == 2
    assert wrong in capsys.readouterr().err
    assert not (tmp_path / "w").exists()
