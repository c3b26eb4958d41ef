"""`neurosym infer`: the three tasks against brute force, exact and not, and what is wrong."""

import gzip
import itertools
import json

import numpy as np
import pytest

from neurosym.cli.main import main

TABLES = {
    (0,): np.array([0.436, 0.564]),
    (0, 1): np.array([[0.128, 0.872], [0.92, 0.08]]),
    (1, 2): np.array([[0.21, 0.333, 0.457], [0.811, 0.0, 0.189]]),
    (0, 2): np.array([[0.3, 0.3, 0.4], [0.2, 0.5, 0.3]]),
}
SIZES = (2, 2, 3)


def weight(x):
    return float(np.prod([table[tuple(x[i] for i in scope)] for scope, table in TABLES.items()]))


def every(observed):
    whole = itertools.product(*(range(size) for size in SIZES))
    return [x for x in whole if all(x[i] == v for i, v in observed.items())]


@pytest.fixture
def files(tmp_path):
    lines = ["MARKOV", "3", " ".join(map(str, SIZES)), str(len(TABLES))]
    lines += [" ".join(map(str, (len(scope), *scope))) for scope in TABLES]
    for table in TABLES.values():
        lines += [str(table.size), " ".join(map(str, table.ravel()))]
    network = tmp_path / "loop.uai.gz"
    network.write_bytes(gzip.compress("\n".join(lines).encode()))
    evidence = tmp_path / "loop.evid"
    evidence.write_text("2\n1 1 0\n0\n")
    return str(network), str(evidence)


def run(capsys, *arguments):
    code = main(["infer", *arguments])
    captured = capsys.readouterr()
    return code, captured.out.splitlines(), captured.err


def test_the_lines_of_competitions(files, capsys):
    network, evidence = files
    instances = ({1: 0}, {})
    code, lines, err = run(capsys, network, "--task=pr", f"--evidence={evidence}")
    assert code == 0
    assert lines[0] == "PR"
    assert "2 EXACT" in err
    for line, observed in zip(lines[1:], instances, strict=True):
        right = np.log10(sum(map(weight, every(observed))))
        np.testing.assert_allclose(float(line), right, rtol=1e-9)
    code, lines, _ = run(capsys, network, "--task=mar", f"--evidence={evidence}")
    assert code == 0
    assert lines[0] == "MAR"
    for line, observed in zip(lines[1:], instances, strict=True):
        right = ["3"]
        total = sum(map(weight, every(observed)))
        for i, size in enumerate(SIZES):
            right.append(str(size))
            right += [
                sum(weight(x) for x in every(observed | {i: v}) if x[i] == v) / total
                if observed.get(i, v) == v
                else 0.0
                for v in range(size)
            ]
        np.testing.assert_allclose([float(x) for x in line.split()], np.float64(right), rtol=1e-7)
    code, lines, _ = run(capsys, network, "--task=mpe", f"--evidence={evidence}")
    assert code == 0
    assert lines[0] == "MPE"
    for line, observed in zip(lines[1:], instances, strict=True):
        best = max(every(observed), key=weight)
        assert line == " ".join(map(str, (3, *best)))


def test_json_says_what_is_approximate(files, capsys):
    network, _ = files
    code, (line,), err = run(capsys, network, "--task=mpe", "--memory=1e-9", "--json")
    found = json.loads(line)
    best = max(every({}), key=weight)
    assert code == 0
    assert found["status"] == "EXACT"
    assert "1 EXACT" in err
    assert list(found["assignment"].values()) == list(best)
    np.testing.assert_allclose(found["log10"], np.log10(weight(best)), rtol=1e-6)
    code, (line,), err = run(
        capsys, network, "--task=mar", "--memory=1e-9", "--json", "--observe=1=0"
    )
    found = json.loads(line)
    assert code == 0
    assert found["status"] == "CONVERGED"
    assert "1 CONVERGED" in err
    assert found["marginals"]["1"] == {"0": 1.0, "1": 0.0}
    # Three tables in a loop, one of whose variables is known, are a tree: here it is exact.
    total = sum(map(weight, every({1: 0})))
    for v in range(3):
        right = sum(weight(x) for x in every({1: 0}) if x[2] == v) / total
        np.testing.assert_allclose(found["marginals"]["2"][str(v)], right, atol=1e-5)


def test_evidence_that_is_impossible(files, capsys):
    network, _ = files
    code, (line,), _ = run(capsys, network, "--task=mpe", "--observe=1=1,2=1", "--json")
    found = json.loads(line)
    assert code == 0
    assert found["status"] == "IMPOSSIBLE"
    assert found["log10"] is None
    assert set(found["assignment"].values()) == {None}


def test_names_of_a_bif_file(tmp_path, capsys):
    path = tmp_path / "rain.bif"
    path.write_text(
        "network rain { }\nvariable Rain { type discrete [ 2 ] { no, yes }; }\n"
        "variable Wet { type discrete [ 2 ] { no, yes }; }\n"
        "probability ( Rain ) { table 0.8, 0.2; }\n"
        "probability ( Wet | Rain ) { (no) 0.9, 0.1; (yes) 0.2, 0.8; }\n"
    )
    code, lines, _ = run(capsys, str(path), "--task=mar", "--observe=Wet=yes")
    p = 0.2 * 0.8 / (0.2 * 0.8 + 0.8 * 0.1)
    assert code == 0
    assert lines == [f"Rain  no {1 - p:.6f}  yes {p:.6f}", "Wet  no 0.000000  yes 1.000000"]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--task=map"], "--task is mpe, mar, pr, not 'map'"),
        ([], "--task is mpe, mar, pr, not None"),
        (["--task=pr", "--memory=0"], "--memory is a number above 0"),
        (["--task=pr", "--observe=1"], "has no ="),
        (["--task=pr", "--observe=7=1"], "no variable '7'"),
        (["--task=pr", "--observe=1=2"], "1 is 0, 1; not '2'"),
        (["--task=pr", "--observe=1=1", "--evidence=x"], "exclude each other"),
        (["--task=pr", "--evidence=missing.evid"], "missing.evid"),
    ],
)
def test_what_is_wrong_with_a_command_line(files, capsys, flags, message):
    code, lines, err = run(capsys, files[0], *flags)
    assert code == 2
    assert not lines
    assert message in err


def test_a_file_that_is_cut_short(tmp_path, capsys):
    path = tmp_path / "short.uai"
    path.write_text("MARKOV\n2\n2 2\n1\n2 0 1\n4\n1 2\n")
    code, _, err = run(capsys, str(path), "--task=pr")
    assert code == 2
    assert "short.uai:7:3: the file is cut short: table 0 has 4 entries, and 2 are there" in err
