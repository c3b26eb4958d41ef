"""The commands that train nothing: help, list, data, bench, version."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from neurosym.cli import commands
from neurosym.cli.command import Command
from neurosym.cli.configs import load_config
from neurosym.cli.descriptions import describe_module
from neurosym.cli.main import _COMMANDS, main


def test_help_does_without_jax():
    script = (
        "import sys; from neurosym.cli.main import main; code = main(['--help']); "
        "assert 'jax' not in sys.modules; sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in _COMMANDS)


@pytest.mark.parametrize("name", _COMMANDS)
def test_every_command_has_help(name, capsys):
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: neurosym {name}")
    assert "examples:" in out


def test_help_imports_no_jax():
    script = (
        "import sys; from neurosym.cli.main import main\n"
        f"for name in {list(_COMMANDS)}: assert main([name, '--help']) == 0\n"
        "assert 'jax' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_defaults_stand_in_the_help(capsys):
    main(["evaluate", "--help"])
    assert "(default: test)" in capsys.readouterr().out


def test_wrong_and_missing_commands(capsys):
    assert main(["trian"]) == 2
    assert "there is no command 'trian'; did you mean 'train'?" in capsys.readouterr().err
    assert main([]) == 2
    assert "usage: neurosym COMMAND" in capsys.readouterr().out


def test_an_error_that_nobody_foresaw_exits_with_1(monkeypatch, capsys):
    def fail(values, arguments):
        raise KeyError("boom")

    broken = Command("version", "version", "", (), lambda values: None, fail)
    monkeypatch.setattr("neurosym.cli.commands.version.COMMAND", broken)
    assert main(["version"]) == 1
    assert "neurosym version: error: KeyError: 'boom' (--debug" in capsys.readouterr().err


def test_list_reads_docstrings_and_variants(tmp_path, monkeypatch, capsys):
    (tmp_path / "configs").mkdir()
    (tmp_path / "experiments").mkdir()
    (tmp_path / "configs" / "sums.py").write_text(
        '"""Adds things up.\n\nAt length."""\nraise RuntimeError("never run")\n'
        'VARIANTS = {"n2": "two digits each"}\n'
    )
    (tmp_path / "experiments" / "sums.py").write_text('"""The task of adding."""\n')
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    out = capsys.readouterr().out
    assert "configs/sums.py " in out
    assert "Adds things up." in out
    assert "configs/sums.py:n2" in out
    assert "two digits each" in out
    assert "The task of adding." in out


def test_describe_module_survives_what_is_no_python(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("def (:\n")
    assert "not readable as Python" in describe_module(path).description
    path.write_text("VARIANTS = dict(a=1)\n")
    assert describe_module(path) == (path, "(no description)", {})


def test_bench_lists_and_runs_scripts(tmp_path, monkeypatch, capfd):
    scripts = tmp_path / "scripts" / "benchmarks"
    scripts.mkdir(parents=True)
    (scripts / "echo.py").write_text(
        '"""Says what it was told."""\nimport sys\nprint(sys.argv[1:])\nsys.exit(7)\n'
    )
    monkeypatch.chdir(tmp_path)
    assert main(["bench"]) == 0
    assert "echo  Says what it was told." in capfd.readouterr().out
    assert main(["bench", "echo", "--help", "x"]) == 7
    assert "['--help', 'x']" in capfd.readouterr().out
    assert main(["bench", "ech"]) == 2
    assert "there is no benchmark 'ech'; there are: echo" in capfd.readouterr().err


def test_data_says_what_is_missing_and_where_it_looked(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NEUROSYM_DATA_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert main(["data"]) == 0
    out = capsys.readouterr().out
    assert "digits" in out
    assert "mnist: missing" in out
    assert f"looked in {tmp_path / '.cache'}" in out
    assert "neurosym data mnist --download" in out
    assert main(["data", "mnist", f"--data_dir={tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert f"looked in {tmp_path}" in out
    assert "neurosym data mnist --download" in out
    assert main(["data", "mnits"]) == 2
    assert "there is no dataset 'mnits'" in capsys.readouterr().err
    assert main(["data", "--download"]) == 2


def test_version_names_what_it_stands_on(capsys):
    assert main(["version"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("neurosym ")
    for package in ("jax", "orbax-checkpoint", "ml_collections"):
        assert f"\n{package} {metadata.version(package)}\n" in out
    assert "pytest" not in out, "only what is needed to run"


def test_config_paths_fall_back_to_the_checkout(tmp_path, monkeypatch):
    checkout = tmp_path / "checkout"
    (checkout / "configs").mkdir(parents=True)
    text = "import ml_collections as m\ndef get_config():\n    return m.ConfigDict({{'a': {}}})\n"
    (checkout / "configs" / "one.py").write_text(text.format(1))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr("neurosym.cli.places.shipped_root", lambda: checkout)
    assert load_config("configs/one.py").a == 1
    (elsewhere / "configs").mkdir()
    (elsewhere / "configs" / "one.py").write_text(text.format(2))
    assert load_config("configs/one.py").a == 2, "the working directory comes first"


def test_no_command_imports_another():
    """What two commands need is a file beside `commands/`."""
    folder = Path(commands.__file__).parent
    found = [
        f"{path.name}: {line}"
        for path in sorted(folder.glob("*.py"))
        for line in path.read_text().splitlines()
        if "neurosym.cli.commands" in line and "import" in line
    ]
    assert len(list(folder.glob("*.py"))) > 10
    assert found == []
