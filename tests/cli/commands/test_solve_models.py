"""`neurosym solve` for files of other tools: their competitions' lines, JSON, limits, errors."""

import gzip
import importlib.util
import json

import pytest

pytest.importorskip("cpmpy", reason="CPMpy is not installed")

from neurosym.cli.main import main

# It is not imported here: its import puts a `dir` of its own in the place of Python's.
needs_pycsp3 = pytest.mark.skipif(
    importlib.util.find_spec("pycsp3") is None, reason="pycsp3 is not installed"
)

XML = """<instance format="XCSP3" type="COP">
  <variables> <array id="x" size="[3]"> 0..4 </array> <var id="y"> 0..8 </var> </variables>
  <constraints>
    <allDifferent> x[] </allDifferent>
    <sum> <list> x[0] x[1] </list> <condition> (eq,y) </condition> </sum>
    <intension> lt(x[2],x[1]) </intension>
  </constraints>
  <objectives> <maximize type="sum"> <list> y x[2] </list> <coeffs> 1 -2 </coeffs> </maximize>
  </objectives>
</instance>
"""


def run(capsys, *arguments):
    code = main(["solve", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


@needs_pycsp3
def test_an_xcsp3_instance(tmp_path, capsys):
    path = tmp_path / "model.xml.gz"
    path.write_bytes(gzip.compress(XML.encode()))
    code, lines, err = run(capsys, path)
    assert code == 0
    assert lines[:3] == ["o 7", "s OPTIMUM FOUND", "v <instantiation type='optimum' cost='7'>"]
    assert lines[3] == "v   <list> x[0] x[1] x[2] y </list>"
    first, second, third, total = map(int, lines[4].split()[2:-1])
    assert {first, second} == {3, 4}
    assert (third, total) == (0, 7)
    assert "OPTIMAL, objective 7" in err


@needs_pycsp3
def test_a_time_limit_of_zero_searches_nothing(tmp_path, capsys):
    path = tmp_path / "model.xml"
    path.write_text(XML)
    code, (line,), _ = run(capsys, path, "--time_limit=0", "--json")
    assert code == 0
    assert json.loads(line) == {
        "name": str(path),
        "status": "UNKNOWN",
        "objective": None,
        "assignment": None,
    }
    code, lines, _ = run(capsys, path, "--time_limit=0")
    assert (code, lines) == (0, ["s UNKNOWN"])


def test_weighted_clauses_and_pseudo_boolean_constraints(tmp_path, capsys):
    clauses = tmp_path / "f.wcnf"
    clauses.write_text("h 1 2 0\nh -1 -2 0\n3 -1 0\n4 -2 0\n")
    linear = tmp_path / "f.opb"
    linear.write_text(
        "* #variable= 2 #constraint= 2\nmin: +3 x1 +4 x2 ;\n+1 x1 +1 x2 >= 1 ;\n"
        "+1 x1 +1 x2 <= 1 ;\n"
    )
    code, lines, _ = run(capsys, clauses, linear)
    assert code == 0
    assert lines == ["o 3", "s OPTIMUM FOUND", "v 10", "o 3", "s OPTIMUM FOUND", "v x1 -x2"]


def test_a_count_and_no_solution(tmp_path, capsys):
    path = tmp_path / "f.opb"
    path.write_text("* #variable= 2 #constraint= 1\n+1 x1 +1 x2 >= 1 ;\n")
    code, (line,), _ = run(capsys, path, "--count=all", "--json")
    assert code == 0
    assert (json.loads(line)["count"], json.loads(line)["status"]) == (3, "OPTIMAL")
    path.write_text("* #variable= 2 #constraint= 1\n+1 x1 +1 x2 >= 3 ;\n")
    assert run(capsys, path)[:2] == (0, ["s UNSATISFIABLE"])


def test_a_cost_network(tmp_path, capsys):
    path = tmp_path / "e.wcsp"
    path.write_text("e 2 3 2 10\n3 2\n2 0 1 4 2\n0 0 5\n2 1 1\n1 1 3 1\n0 2\n")
    assert run(capsys, path)[:2] == (0, ["o 4", "s OPTIMUM FOUND", "v 2 1"])
    path.write_text("e 2 3 1 4\n3 2\n2 0 1 4 0\n")
    assert run(capsys, path)[:2] == (0, ["s UNSATISFIABLE"])
    assert run(capsys, path, "--time_limit=0")[:2] == (0, ["s UNKNOWN"])


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("m.mzn", [], "MiniZinc models are not read"),
        ("m.xml", ["--time_limit=-1"], "--time_limit is a number of seconds from 0 up, not -1"),
        ("m.xml", ["--show"], "--show: a model has no board"),
        ("m.xml", ["--batch=4"], "--batch: not for models"),
        ("m.xml", ["--count=3"], "--count is 1 or `all` for models"),
        ("m.xml", [], "m.xml:1:"),
        ("m.wcsp", ["--count=all"], "a cost network, which has no count"),
        ("m.txt", ["--time_limit=3"], "--time_limit is for models"),
    ],
)
def test_what_is_wrong_with_a_command_line(tmp_path, capsys, name, flags, message):
    path = tmp_path / name
    path.write_text("<instance")
    code, lines, err = run(capsys, path, *flags)
    assert (code, lines) == (2, [])
    assert message in err
