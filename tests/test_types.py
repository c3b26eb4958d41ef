"""Type checkers know the package: exports are typed although they are lazy; mistakes are found."""

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAZY = ("neurosym", "neurosym.reports", "neurosym.sweeps", "neurosym.training")

# What a user may write. The lines with a planted error say which code mypy gives it.
SCRIPT = """
import jax.numpy as jnp
import neurosym as ns

problem = ns.Problem()
a, b = problem.variables("digit", shape=2, domain=range(10))
total = problem.variable("total", domain=range(19))
problem.add(a + b == total)
network = problem.compile()
weights = jnp.zeros(network.mask.shape)
ns.query(network, weights, target=total)
ns.query(network, weights, targt=total)  # error: call-arg
ns.count(network, at_most="all")  # error: arg-type
ns.no_such_name  # error: attr-defined
ns.training.load_run(3)  # error: arg-type
ns.training.no_such_name  # error: attr-defined
ns.io.read_nnf(3)  # error: arg-type
ns.io.no_such_name  # error: attr-defined
found = ns.solve(network)
found.no_such_field  # error: attr-defined
run = ns.training.load_run("runs/add")
run.settings.train.epoch  # error: attr-defined
count: int = found.status  # error: assignment
"""


@pytest.mark.parametrize("package", LAZY)
def test_every_public_name_is_in_the_interface(package):
    module = importlib.import_module(package)
    text = Path(module.__file__).with_suffix(".pyi").read_text()
    assert set(re.findall(r" as (\w+)$", text, re.MULTILINE)) == set(module.__all__)


def test_mypy_finds_what_is_wrong_in_a_users_script(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT)
    # With the settings of this project, so that what is known of the package is known already.
    command = [sys.executable, "-m", "mypy", "--no-error-summary", str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    found = dict(re.findall(r"mine\.py:(\d+): error: .*\[([\w-]+)\]$", done.stdout, re.MULTILINE))
    planted = {
        str(number): code
        for number, line in enumerate(SCRIPT.splitlines(), start=1)
        for code in re.findall(r"# error: ([\w-]+)$", line)
    }
    assert len(planted) == 10
    assert found == planted, done.stdout + done.stderr
