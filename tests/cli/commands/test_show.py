"""`neurosym show`: pictures of networks, circuits and marginals, and wrong command lines."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import neurosym.plots
from neurosym.cli.main import main

UNIQUE = "1..." + "..3." + ".4.." + "...2"
FALSE = "11.." + "...." + "...." + "...."
FORMULA = "p cnf 3 3\n1 2 0\n-2 3 0\n-1 0\n"  # 1 is false, so 2 and 3 are true
NNF = "nnf 5 4 2\nL 1\nL -1\nL 2\nA 2 0 2\nO 1 2 3 1\n"
VTREE = "vtree 3\nL 0 1\nL 2 2\nI 1 0 2\n"
SDD = "sdd 5\nL 0 0 1\nL 1 0 -1\nL 2 2 2\nT 3\nD 4 1 2 0 2 1 3\n"

MODULE = """
from neurosym.problems import Problem
from neurosym.puzzles import Puzzle

def ladder(size):
    problem = Problem()
    steps = problem.variables("step", shape=2, domain=range(size))
    problem.add(steps[0] < steps[1])
    return problem

LADDER = Puzzle("ladder", "two steps, the second above the first", ladder)
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with some files."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    files = {
        "p.txt": f"{UNIQUE}\n{FALSE}\n",
        "f.cnf": FORMULA,
        "c.nnf": NNF,
        "c.sdd": SDD,
        "c.vtree": VTREE,
        "short.nnf": NNF[:30],
        "my_ladder.py": MODULE,
    }
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    yield tmp_path
    sys.modules.pop("my_ladder", None)


def show(capsys, *arguments):
    """What a command that goes well says of the picture that it drew."""
    code = main(["show", *arguments, "--out=new/out.png"])
    out, err = capsys.readouterr()
    assert code == 0, err
    with Image.open("new/out.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 150
        assert max(image.size) < 4000
        assert len(image.convert("RGB").getcolors(1 << 24)) > 10
    name, _, said = out.strip().partition(": ")
    assert name == "new/out.png"
    return said


@pytest.fixture
def drawn(monkeypatch):
    """What the library functions are given: (arguments, options), in order."""
    calls = []

    def spy(name):
        original = getattr(neurosym.plots, name)

        def call(*arguments, **options):
            calls.append((arguments, options))
            return original(*arguments, **options)

        monkeypatch.setattr(neurosym.plots, name, call)

    for name in ("factor_graph", "network_summary", "marginals_map", "circuit_layers"):
        spy(name)
    return calls


def test_the_network_of_a_problem(here, capsys, drawn):
    assert show(capsys, "network", "--problem=queens", "--size=5") == "5 variables, 3 constraints"
    ((network, _), options), *_ = drawn
    assert [relation.kind for relation in network.structure.relations] == ["all_different"] * 3
    assert options == {"domains": None, "cells": None, "title": "queens"}


def test_the_network_of_an_instance_shows_what_is_given(here, capsys, drawn):
    said = show(capsys, "network", "p.txt", "--problem=sudoku", "--instance=0")
    assert said == "16 variables, 12 constraints"
    options = drawn[0][1]
    sizes = options["domains"].sum(axis=1)
    assert (sizes == 1).tolist() == [character != "." for character in UNIQUE]
    np.testing.assert_array_equal(options["cells"], np.arange(16).reshape(4, 4))


def test_the_network_of_a_formula(here, capsys, drawn):
    assert show(capsys, "network", "f.cnf") == "3 variables, 2 constraints"
    assert drawn[0][1]["domains"].tolist() == [[True, False], [True, True], [True, True]]
    assert drawn[0][1]["title"] == "f.cnf"


def test_a_large_network_is_drawn_in_numbers(here, capsys):
    clauses = "".join(f"{n} {n + 1} 0\n" for n in range(1, 400))
    (here / "large.cnf").write_text(f"p cnf 400 399\n{clauses}")
    said = show(capsys, "network", "large.cnf")
    assert said.startswith("400 variables, 399 constraints: too many for a factor graph")


@pytest.mark.parametrize("method", ["exact", "approximate"])
def test_marginals(here, capsys, drawn, method):
    said = show(capsys, "marginals", "--problem=my_ladder:LADDER", "--size=3", f"--method={method}")
    assert said.startswith(method)
    assert ("converged after" in said) == (method == "approximate")
    assert "0 of 2 certain" in said
    ((table, _), options), *_ = drawn
    np.testing.assert_allclose(table, [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]], atol=1e-3)
    assert options["names"] == ("step[0]", "step[1]")
    assert options["labels"] == [["0", "1", "2"]] * 2
    assert options["caption"] in said


def test_marginals_of_an_instance_without_a_solution(here, capsys, drawn):
    said = show(capsys, "marginals", "p.txt", "--problem=sudoku", "--instance=1")
    assert said.startswith("propagation comes to a contradiction; no assignment satisfies")
    ((table, _), options), *_ = drawn
    assert not table.any()
    assert options["given"].tolist() == [True, True] + [False] * 14
    assert options["box"] == (2, 2)


def test_circuits_of_files(here, capsys, drawn):
    said = show(capsys, "circuit", "c.nnf")
    assert said == "2 rows, 4 terms, 2 layers"
    assert sorted(drawn[0][1]["leaves"]) == ["-1", "-2", "1", "2"]
    assert "layers" in show(capsys, "circuit", "c.sdd", "--vtree=c.vtree")


def used(options):
    """The texts of the leaves that some row of a drawn circuit uses; 0 and 1 are constants."""
    leaves = ["", "", *options["leaves"]]
    rows = {row for terms in options["terms"] for pair in terms for row in pair}
    return {leaves[row] for row in rows if 1 < row < len(leaves)}


def test_circuits_that_are_compiled(here, capsys, drawn):
    pytest.importorskip("pysdd")
    show(capsys, "circuit", "--problem=my_ladder:LADDER", "--size=2")
    assert used(drawn[0][1]) == {"step[0]=0", "step[1]=1"}  # its only solution
    show(capsys, "circuit", "f.cnf")
    assert used(drawn[1][1]) == {"-1", "2", "3"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to show: say one of network, circuit, marginals"),
        (["netwrok"], "there is nothing to show of 'netwrok'; did you mean 'network'?"),
        (["pony"], "say one of network, circuit, marginals"),
        (["network"], "no network: name a FILE"),
        (["network", "a", "b"], "one FILE makes one picture, not 2"),
        (["network", "--problem=queens", "--size=5", "--out="], "--out=FILE.png says where"),
        (["network", "--problem=queens", "--out=a.gif"], "--out is a .png file, not 'a.gif'"),
        (["network", "--problem=queens"], "queens needs --size=N"),
        (["network", "--problem=queens", "--size=0"], "--size goes from 1 to"),
        (["network", "--problem=qeens", "--size=5"], "did you mean 'queens'?"),
        (["network", "p.txt", "--problem=queens"], "queens reads no files"),
        (["network", "p.txt"], "p.txt is not a DIMACS CNF: --problem=NAME says what it holds"),
        (["network", "none.cnf"], "none.cnf: No such file"),
        (["network", "f.cnf", "--size=3"], "a formula states its size itself"),
        (["network", "f.cnf", "--instance=1"], "--instance is 0: there is but one, not 1"),
        (["network", "f.cnf", "--instance=-1"], "--instance goes from 0 to"),
        (["network", "f.cnf", "--method=exact"], "--method is for marginals"),
        (["marginals", "p.txt", "--problem=sudoku", "--instance=2"], "--instance goes up to 1"),
        (["marginals", "f.cnf", "--method=guess"], "--method"),
        (["marginals", "f.cnf", "--vtree=c.vtree"], "--vtree goes with an .sdd file"),
        (["circuit", "c.sdd"], "c.sdd needs --vtree=FILE"),
        (["circuit", "c.nnf", "--size=3"], "c.nnf is a circuit already"),
        (["circuit", "c.nnf", "--instance=0"], "that of the rules, for every instance"),
        (["circuit", "short.nnf"], "short.nnf"),
        (["circuit", "none.nnf"], "none.nnf: No such file"),
        (["circuit", "p.txt", "--problem=sudoku"], "a circuit is that of the rules"),
        (["network", "--problem=my_ladder:SNAKE", "--size=3"], "its puzzles are: LADDER"),
    ],
)
def test_a_wrong_command_line_is_answered_in_words(here, capsys, arguments, message):
    if arguments and not any(argument.startswith("--out") for argument in arguments):
        arguments = [*arguments, "--out=out.png"]
    assert main(["show", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err
    assert not list(here.glob("*.png"))


def test_help_has_examples(capsys):
    assert main(["show", "--help"]) == 0
    out = capsys.readouterr().out
    assert "neurosym show network --problem=queens --size=5 --out=queens.png" in out
    assert "--vtree" in out
    assert main(["--help"]) == 0
    assert "  show " in capsys.readouterr().out


def test_jax_waits_for_a_command_line_that_is_right(here):
    code = (
        "import json, sys\n"
        "from neurosym.cli.main import main\n"
        "codes = [main(['show', '--help']), main(['show', 'network', 'p.txt', '--out=o.png'])]\n"
        "print(json.dumps([codes, 'jax' in sys.modules]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert json.loads(result.stdout.splitlines()[-1]) == [[0, 2], False]
