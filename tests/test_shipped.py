"""What a wheel brings: outside of any checkout the commands of the README and quickstart are there.

The package is built as for a wheel, and used by another process in an empty folder.
"""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_blocks import blocks_of

import neurosym
from neurosym.cli.configs import load_config, split_source
from neurosym.cli.main import main
from neurosym.shipped import shipped_root

ROOT = Path(__file__).parents[1]
OURS = "import sys; from neurosym.cli.main import main; sys.exit(main())"
# Reads each command line as far as its flags; benchmarks say whether they are there.
READ = """
import importlib, json, sys
from neurosym.cli.command import command_flags, parse_flags
from neurosym.cli.descriptions import modules
from neurosym.cli.main import _COMMANDS

for name, *arguments in json.load(sys.stdin):
    command = importlib.import_module(f"neurosym.cli.commands.{_COMMANDS[name][0]}").COMMAND
    if command.passes_through:
        there = {info.path.stem for info in modules("scripts/benchmarks")}
        assert set(arguments[:1]) <= there, arguments
    else:
        (command.parse or parse_flags)(command_flags(command), arguments)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder with the package as a wheel has it."""
    pytest.importorskip("setuptools", reason="setuptools, which builds wheels, is not installed")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", folder]
    command += ["build", "--build-base", folder / "build", "--build-lib", folder / "lib"]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-3000:]
    return folder / "lib"


@pytest.fixture
def run(library, tmp_path):
    """Runs Python in an empty folder, where the package is that of the wheel."""

    def run(*arguments, code=OURS, given=""):
        environment = os.environ | {"PYTHONPATH": str(library), "JAX_PLATFORMS": "cpu"}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=tmp_path,
            env=environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


def test_the_same_files_come_along(library):
    within = library / "neurosym" / "_shipped"
    for name in ("configs", "experiments", "scripts/benchmarks", "docs/results"):
        files = {
            path.relative_to(ROOT)
            for path in (ROOT / name).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert files, name
        assert files == {p.relative_to(within) for p in (within / name).rglob("*") if p.is_file()}
    assert (library / "neurosym" / "py.typed").is_file()


def test_the_commands_of_the_pages_can_be_given_outside_of_a_checkout(run):
    commands = [
        words[1:]
        for page in ("README.md", "docs/quickstart.md", "docs/guide/reproduction.md")
        for block in blocks_of(ROOT / page)
        if block.language == "shell"
        for line in block.text.replace("\\\n", " ").splitlines()
        if (words := shlex.split(line, comments=True)) and words[0] == "neurosym"
    ]
    assert len(commands) > 10
    run(code=READ, given=json.dumps(commands))


def test_what_came_along_is_listed_by_names_that_can_be_typed(run):
    listed = run("list")
    assert "configs that came with neurosym" in listed
    assert "configs/mnist_addition.py:n1" in listed
    assert "experiments/digit_addition.py" in listed
    assert "mine/my_task.py" in run("init", "mine")


def test_records_and_published_figures_are_read_from_the_wheel(run, tmp_path):
    code = (
        "from neurosym.cli.main import main\n"
        "assert main(['tabulate', 'docs/results/mnist_classification']) == 0\n"
        "assert main(['results']) == 0\n"
        "assert main(['reproduce', 'digits_addition', '--dry_run', '--seeds=1']) == 0\n"
        "from neurosym.shipped import shipped_root; print(shipped_root())"
    )
    printed = run(code=code)
    assert "| 3 |" in printed, "three seeds were recorded"
    assert "docs/results.md" in printed
    assert "--config=configs/digits_addition.py:n1" in printed
    assert printed.splitlines()[-1].endswith("_shipped")
    assert not list(tmp_path.iterdir()), "reading leaves nothing behind"


@pytest.mark.slow
@pytest.mark.parametrize("config", ["configs/digits_addition.py", "neurosym:digits_addition.py:n1"])
def test_a_run_trains_outside_of_a_checkout_and_is_read_back(run, tmp_path, config):
    small = ["--config.train.epochs=1", "--config.encoder.name=mlp", "--config.data.regroupings=10"]
    small.append("--config.data.validation_groupings=1")
    run("train", f"--config={config}", "--workdir=runs/first", *small)
    assert json.loads((tmp_path / "runs/first/result.json").read_text())["metrics"]
    code = "import neurosym as ns; print(ns.training.load_run('runs/first').config.task)"
    assert run(code=code).strip() == "experiments.digit_addition:DigitAddition"


def test_in_a_checkout_its_own_folders_are_read():
    root = shipped_root()
    assert root is not None
    assert root == Path(neurosym.__file__).parents[1]
    assert (root / "configs" / "published").is_dir()


def test_the_prefix_means_what_came_along_whatever_lies_here(tmp_path, monkeypatch, capsys):
    (tmp_path / "configs").mkdir()
    mine = "import ml_collections as m\ndef get_config():\n    return m.ConfigDict({'a': 1})\n"
    (tmp_path / "configs" / "formula.py").write_text(mine)
    monkeypatch.chdir(tmp_path)
    assert load_config("configs/formula.py").to_dict() == {"a": 1}
    assert load_config("neurosym:formula.py:top1").optimizer.clip_norm == 1.0
    with pytest.raises(ValueError, match=r"'formulas.py' .*near it are: formula.py"):
        load_config("neurosym:formulas.py")
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "neurosym:formula.py:top1" in listed
    assert "configs/mnist_addition.py:n1" in listed


def test_a_source_is_a_file_and_a_variant():
    assert split_source("a/b.py:c") == ("a/b.py", "c")
    assert split_source("neurosym:b.py:c") == ("neurosym:b.py", "c")
    assert split_source("b.py") == ("b.py", "")


def test_an_experiment_is_found_without_being_told_where(run):
    """By a script of a user, which reads runs of shipped experiments back and knows no folders."""
    code = (
        "from ml_collections import ConfigDict\n"
        "from neurosym.training.task import load_task\n"
        "try:\n"
        "    load_task(ConfigDict({'task': 'experiments.formula:Nothing'}))\n"
        "except ValueError as error:\n"
        "    print(error)"
    )
    assert "experiments.formula has no 'Nothing'" in run(code=code)
