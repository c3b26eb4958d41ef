"""The hooks of contributors run programs that `scripts/setup` installs, on files that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ENTRIES = re.findall(r"^ +entry: (.+)$", (ROOT / ".pre-commit-config.yaml").read_text(), re.M)
PACKAGES = {"ruff": "ruff", "mypy": "mypy", "python": ""}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_hook_runs_what_is_installed(entry):
    program, *arguments = entry.split()
    name = program.removeprefix(".venv/bin/")
    assert name != program, "hooks take the tools of .venv, as scripts/test does"
    setup = (ROOT / "setup.cfg").read_text()
    assert f"\n    {PACKAGES[name]}>=" in setup or name == "python"
    for path in (word for word in arguments if word.endswith(".py")):
        assert (ROOT / path).is_file()


def test_hooks_run_what_the_checks_run():
    checks = (ROOT / "scripts" / "test").read_text()
    for program in ("ruff format", "ruff check", "mypy"):
        assert program in checks
        assert any(program in entry for entry in ENTRIES)
    assert len(ENTRIES) == 5
