"""`neurosym query`: what it prints, and what is wrong with a program or a command line."""

import json
import subprocess
import sys

import pytest

from neurosym.cli.main import main

ALARM = """0.1::burglary. 0.2::earthquake. person(mary). person(john).
0.7::hears(X) :- person(X).
alarm :- burglary. alarm :- earthquake.
calls(X) :- alarm, hears(X).
evidence(calls(john)).
query(burglary). query(calls(_)).
"""


@pytest.fixture
def alarm(tmp_path):
    path = tmp_path / "alarm.pl"
    path.write_text(ALARM)
    return str(path)


def run(capsys, *arguments):
    """The output of a command that goes well, and its error stream."""
    code = main(["query", *arguments])
    out, err = capsys.readouterr()
    assert code == 0, err
    return out, err


def fails(capsys, *arguments):
    code = main(["query", *arguments])
    assert code == 2
    return capsys.readouterr().err


def test_each_query_with_its_probability(capsys, alarm):
    out, _ = run(capsys, alarm)
    assert out.splitlines() == [
        "burglary     0.3571428571",
        "calls(john)  1",
        "calls(mary)  0.7",
    ]


def test_json_with_another_evidence(capsys, alarm):
    out, _ = run(capsys, alarm, "--evidence=alarm", "--json", "--query=burglary")
    report = json.loads(out)
    assert report["queries"] == {"burglary": pytest.approx(0.1 / 0.28)}
    assert report["semiring"] == "real"
    assert report["bounds"] is None
    assert set(report["seconds"]) == {"parse", "ground", "compile", "evaluate"}


def test_semirings_and_worlds(capsys, alarm):
    out, _ = run(capsys, alarm, "--semiring=max_times", "--json", "--query=alarm", "--evidence=")
    assert json.loads(out)["queries"] == {"alarm": pytest.approx(0.2)}
    out, _ = run(capsys, alarm, "--mpe", "--json", "--query=alarm", "--evidence=")
    report = json.loads(out)
    assert report["queries"] == {"alarm": pytest.approx(0.9 * 0.2)}
    assert report["worlds"]["alarm"] == ["\\+burglary", "earthquake"]
    out, _ = run(capsys, alarm, "--semiring=min_plus", "--json", "--query=hears(tom)")
    assert json.loads(out)["queries"] == {"hears(tom)": None}  # there is no proof


def test_proofs_with_their_derivation(capsys, alarm):
    out, _ = run(capsys, alarm, "--explain=1", "--query=calls(mary)", "--evidence=")
    assert out.splitlines() == [
        "calls(mary)  0.196",
        "    proof 1  0.14",
        "      calls(mary)",
        "        alarm",
        "          0.2::earthquake",
        "        0.7::hears(mary)",
    ]


def test_statistics_and_warnings_go_to_the_error_stream(capsys, alarm):
    _, err = run(capsys, alarm, "--stats", "--evidence=\\+ thunder")
    assert "the evidence thunder is not defined" in err
    assert "recursive components  none" in err
    assert "T_P" in err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a :- b,.", "1:8: expected a term, not '.'"),
        ("a :- foo(1).\nfou(2).", "no clause defines foo/1; did you mean fou/1?"),
        ("0.5::a :- \\+b. b :- a. query(a).", "negation is not stratified"),
        ("p(X) :- p(Y), X is Y + 1. p(0). query(p(_)).", "p/1 keeps growing"),
        ("0.5::a. b :- a. query(b). evidence(a). evidence(b, false).", "evidence is inconsistent"),
        ("0.5::a.", "nothing is asked"),
        ("nn(net, [X], Y, [0,1]) :: d(X, Y). query(d(a, 1)).", "the network net"),
    ],
)
def test_bad_programs(capsys, tmp_path, text, message):
    path = tmp_path / "bad.pl"
    path.write_text(text)
    assert message in fails(capsys, str(path), "--limit=2000")


def test_bad_command_lines(capsys, alarm):
    assert "name one program" in fails(capsys)
    assert "there is no semiring 'viterby'" in fails(capsys, alarm, "--semiring=viterby")
    assert "at least 1 proof" in fails(capsys, alarm, "--explain=0")
    assert "No such file" in fails(capsys, alarm + "x")
    assert "<query>:1:1: no clause defines burglar/0" in fails(capsys, alarm, "--query=burglar")


def test_a_small_program_does_not_wait_for_jax(alarm):
    code = (
        "import sys; from neurosym.cli.main import main; "
        f"assert main(['query', {alarm!r}, '--explain=2', '--stats']) == 0; "
        "print({'jax', 'flax'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"


def test_a_picture_of_proofs(capsys, alarm, tmp_path):
    path = tmp_path / "proofs.png"
    run(capsys, alarm, "--explain=2", f"--out={path}")
    assert path.read_bytes()[1:4] == b"PNG"
    assert "--explain=3 --out" in fails(capsys, alarm, "--out=proofs.png")


def test_bounds(capsys, alarm):
    out, _ = run(capsys, alarm, "--bounds", "--seconds=5", "--json", "--query=burglary")
    report = json.loads(out)
    value = pytest.approx(0.3571428571)
    assert report["bounds"]["burglary"] == {"lower": value, "upper": value, "exact": True}
    out, _ = run(capsys, alarm, "--bounds", "--query=burglary")
    assert out.split() == ["burglary", "0.35714286", "0.35714286", "exact"]
    assert "--seconds is above 0" in fails(capsys, alarm, "--bounds", "--seconds=0")


def test_the_dependencies_of_a_program(capsys, tmp_path):
    path = tmp_path / "paths.pl"
    path.write_text(
        "0.5::edge(a, b). path(X, Y) :- edge(X, Y). path(X, Y) :- edge(X, Z), path(Z, Y).\n"
        "lost(X) :- edge(X, _), \\+ (path(X, Y), edge(Y, b)).\n"
    )
    assert main(["show", "program", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "lost/1 <- \\+ edge/2, \\+ path/2",
        "path/2 <- edge/2, path/2   (recursive)",
        "edge/2",
        "3 predicates, one component recurses",
    ]
    picture = tmp_path / "paths.png"
    assert main(["show", "program", str(path), f"--out={picture}"]) == 0
    assert picture.exists()
    assert main(["show", "program"]) == 2


@pytest.mark.parametrize(
    ("flags", "key"),
    [
        ((), "queries"),
        (("--semiring=log",), "queries"),
        (("--semiring=max_min",), "queries"),
        (("--semiring=top_k_proofs:2",), "queries"),
        (("--mpe",), "worlds"),
        (("--bounds",), "bounds"),
        (("--explain=2",), "proofs"),
    ],
)
def test_a_query_without_answers(capsys, alarm, flags, key):
    asked = (alarm, "--query=calls(none(X))", *flags)
    out, _ = run(capsys, *asked, "--json")
    assert json.loads(out)[key] == json.loads(out)["queries"] == {}
    assert run(capsys, *asked)[0] == "no answers\n"
