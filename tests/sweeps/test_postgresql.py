"""Two machines on one study in a real PostgreSQL server; one of them is killed in a trial.

Each machine is a `neurosym sweep` of its own with a worker process and a folder of its own, so that
nothing but the server joins them, as between two real ones.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from neurosym.sweeps import SweepStudy, summarise
from neurosym.sweeps.trials import WORKER

TOY = Path(__file__).parent.parent / "training" / "blobs_task.py"
TRIALS = 2


def server_programs():
    """The folder of `initdb` and `pg_ctl`: on the path, or where Debian puts them; or None."""
    found = shutil.which("pg_ctl")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((p for p in places if (p / "initdb").exists() and (p / "pg_ctl").exists()), None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def server():
    """The URL of an empty database in a server that lives as long as these tests."""
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    programs = server_programs()
    if programs is None:
        pytest.skip("no PostgreSQL server is installed (no initdb and pg_ctl)")
    as_user = []
    if os.geteuid() == 0:
        # PostgreSQL refuses to run as root; Debian's package brings a user.
        runuser = shutil.which("runuser")
        if runuser is None:
            pytest.skip("PostgreSQL does not run as root, and there is no runuser")
        as_user = [runuser, "-u", "nobody", "--"]
    # Not in pytest's own folder, which other users may not enter.
    folder = Path(tempfile.mkdtemp(prefix="neurosym-postgresql-"))
    if as_user:
        shutil.chown(folder, "nobody")
    data, port = folder / "data", free_port()

    def run(program, *arguments):
        command = [*as_user, str(programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    try:
        run("initdb", "-D", str(data), "-U", "sweeper", "--auth=trust", "--no-sync")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c fsync=off"
        run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield f"postgresql://sweeper:unused@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder)


class Machine:
    """One `neurosym sweep`, in a folder of its own."""

    def __init__(self, folder, url):
        self.folder = folder
        folder.mkdir()
        shutil.copy(TOY, folder / "blobs_task.py")
        (folder / "my_config.py").write_text(
            "from blobs_task import get_config\n\n\n"
            "def sweep(trial):\n"
            "    return {'optimizer.learning_rate': trial.suggest_float(\n"
            "        'optimizer.learning_rate', 1e-3, 1e-1, log=True)}\n"
        )
        script = "import sys; from neurosym.cli.main import main; sys.exit(main())"
        self.command = [
            *(sys.executable, "-c", script, "sweep", "--config=my_config.py", "--workdir=shared"),
            *(f"--storage={url}", f"--trials={TRIALS}", "--heartbeat=1", "--pruner=none"),
            "--config.train.epochs=12",
        ]
        self.process = subprocess.Popen(
            self.command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def finish(self, seconds):
        out, err = self.process.communicate(timeout=seconds)
        assert self.process.returncode == 0, err
        return out, err


def wait_for(condition, seconds=120.0):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.1)
    return found


def test_a_machine_that_dies_in_a_trial_is_replaced_by_the_other(server, tmp_path):
    one, two = Machine(tmp_path / "one", server), Machine(tmp_path / "two", server)

    def opened():
        for machine in (one, two):
            assert machine.process.poll() is None, machine.process.stderr.read()
        study = SweepStudy(server, "shared", heartbeat=1)
        try:
            study.load()
        except ValueError:
            return None
        return study

    try:
        study = wait_for(opened)

        def of_two():
            """The trial that the second machine runs, once it has been validated."""
            pids = subprocess.run(
                ["pgrep", "-P", str(two.process.pid)], capture_output=True, text=True
            ).stdout.split()
            for trial in study.trials():
                worker = trial.user_attrs.get(WORKER, "").split(":")[-1]
                if trial.state.name == "RUNNING" and worker in pids and trial.last_step:
                    return trial, int(worker)
            return None

        trial, worker = wait_for(of_two)
        # The whole machine goes: first the parent, which could clean up, then the worker.
        two.process.kill()
        os.kill(worker, signal.SIGKILL)
        two.process.communicate(timeout=30)
        out, err = one.finish(240)
    finally:
        for machine in (one, two):
            machine.process.kill()
            machine.process.communicate()
    trials = summarise(study.trials())
    dead = trials[trial.number]
    assert dead.state == "FAIL"
    assert "gave no sign of life for 4 s" in dead.error
    (retry,) = [t for t in trials if t.retry_of == trial.number]
    assert retry.state == "COMPLETE"
    assert retry.params == dead.params
    assert [t.state for t in trials if not t.retried] == ["COMPLETE"] * TRIALS
    workers = {t.user_attrs[WORKER] for t in study.trials() if t.state.name == "COMPLETE"}
    assert all(not worker_name.endswith(f":{worker}") for worker_name in workers)
    written = json.loads((one.folder / "shared" / "sweep.json").read_text())
    assert written["trials"] == [t.as_json() for t in trials]
    assert written["best"]["value"] == max(t.value for t in trials if t.state == "COMPLETE")
    assert "best accuracy on validation" in out
    assert "unused" not in out + err, "the password is not shown"
