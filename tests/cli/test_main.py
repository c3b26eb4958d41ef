"""What reaches the terminal of a command besides the command's own lines."""

import os
import subprocess
import sys

import pytest

MAIN = "import sys; from neurosym.cli.main import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize("level", [None, "0"])
def test_what_the_compiler_logs_is_shown_only_to_those_who_ask(level, tmp_path):
    """Errors too: XLA's "Very slow compile?" is logged as one, after minutes.

    A folder for dumps that cannot be made is an error that XLA logs at once, in the same way.
    """
    (tmp_path / "file").write_text("")
    (tmp_path / "small.cnf").write_text("p cnf 2 2\n1 2 0\n-1 2 0\n")
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    environment |= {
        "NEUROSYM_CACHE": "off",
        "JAX_ENABLE_COMPILATION_CACHE": "false",
        "XLA_FLAGS": f"{os.environ.get('XLA_FLAGS', '')} --xla_dump_to={tmp_path / 'file' / 'x'}",
    }
    if level is not None:
        environment["TF_CPP_MIN_LOG_LEVEL"] = level
    run = subprocess.run(
        [sys.executable, "-c", MAIN, "solve", str(tmp_path / "small.cnf")],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "s SATISFIABLE" in run.stdout
    lines = run.stderr.splitlines()
    if level is None:
        assert len(lines) == 1
        assert lines[0].startswith("1 formula: 1 solved")
    else:
        assert any(line.startswith("E") and "dump.cc" in line for line in lines)
