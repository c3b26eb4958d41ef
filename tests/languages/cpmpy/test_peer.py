"""CPMpy's own solver tests, from its source distribution, with neurosym as the solver.

    pip download --no-deps --no-binary cpmpy cpmpy==VERSION, unpacked
    export NEUROSYM_CPMPY_TESTS=.../cpmpy-VERSION/tests
    scripts/test --slow tests/languages/cpmpy/test_peer.py

The generated constraints are 14,620; every 197th is taken, or every n-th by NEUROSYM_EVERY.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cpmpy", reason="CPMpy is not installed")

FILES = {
    "test_solveAll.py": 6,
    "test_solvers_solhint.py": 1,
    "test_solverinterface.py": 14,
    "test_solvers.py::TestSupportedSolvers": 15,
    "test_constraints.py": 60,
}
"""What is run, and how many tests of it at least pass."""

UNSUPPORTED = {
    # Golomb's ruler of ten marks in 3 seconds, of which compiling takes more.
    "test_solution_callback": "its limit of time is less than compiling takes",
}
"""Tests that are left out, and why."""


def source():
    named = os.environ.get("NEUROSYM_CPMPY_TESTS")
    if not named:
        pytest.skip("NEUROSYM_CPMPY_TESTS does not say where CPMpy's own tests are")
    folder = Path(named)
    if not (folder / "test_solvers.py").exists():
        pytest.skip(f"{folder} does not hold CPMpy's own tests")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_cpmpys_own_tests_pass(name, tmp_path):
    for path in source().glob("*.py"):
        shutil.copy(path, tmp_path)
    shutil.copy(Path(__file__).parent / "peer_conftest.py", tmp_path / "conftest.py")
    left_out = " and ".join(f"not {x}" for x in UNSUPPORTED)
    root = Path(__file__).parents[3]
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    environment.setdefault("NEUROSYM_EVERY", "197")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name, "-k", left_out]
    done = subprocess.run(
        [*command, "--tb=short"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed.group(1)) >= FILES[name]
