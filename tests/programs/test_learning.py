"""Learning from interpretations: known parameters, ProbLog's own LFI, partial examples, errors."""

import itertools
import json
import math

import numpy as np
import pytest

import neurosym as ns
from neurosym.cli.main import main
from neurosym.programs import ProgramError
from neurosym.programs.learning import learn, read_interpretations

THREE = "t(_)::f(a); t(_)::f(b); t(_)::f(c).\n"
THREE_EXAMPLES = "\n---\n".join(f"evidence(f({x}))." for x in "aabbc")

ALARM = """t(_)::burglary.
0.2::earthquake.
t(_)::hears(X) :- person(X).
person(mary). person(john).
t(0.5)::alarm :- burglary.  % t(_)::not_this.
alarm :- earthquake.
calls(X) :- alarm, hears(X).
"""


def sampled(count, *, seed=0):
    """Interpretations of the alarm with burglary 0.3, hears 0.7, alarm 0.8; some atoms hidden."""
    chance = np.random.default_rng(seed)
    parts = []
    for _ in range(count):
        burglary, earthquake = chance.random() < 0.3, chance.random() < 0.2
        alarm = (burglary and chance.random() < 0.8) or earthquake
        calls = {x: alarm and chance.random() < 0.7 for x in ("mary", "john")}
        atoms = {"burglary": burglary, "alarm": alarm}
        atoms |= {f"calls({x})": own for x, own in calls.items()}
        shown = [x for x in atoms if chance.random() < 0.8] or ["alarm"]
        parts.append("\n".join(f"evidence({x}, {str(bool(atoms[x])).lower()})." for x in shown))
    return "\n---\n".join(parts)


def enumerated(parameters, example):
    """The probability of an interpretation of the alarm, by its 64 worlds."""
    burglary_p, hears_p, alarm_p = parameters
    total = 0.0
    for burglary, earthquake, one, two, own in itertools.product((0, 1), repeat=5):
        p = burglary_p if burglary else 1 - burglary_p
        p *= 0.2 if earthquake else 0.8
        p *= (hears_p if one else 1 - hears_p) * (hears_p if two else 1 - hears_p)
        p *= alarm_p if own else 1 - alarm_p
        alarm = (burglary and own) or earthquake
        world = {"burglary": burglary, "alarm": alarm}
        world |= {("calls", "mary"): alarm and one, ("calls", "john"): alarm and two}
        if all(bool(world[atom]) == value for atom, value in example):
            total += p
    return total


def test_a_disjunction_learns_frequencies():
    found = learn(ns.Program.parse(THREE), read_interpretations(THREE_EXAMPLES))
    (values,) = found.probabilities.values()
    np.testing.assert_allclose(values, [0.4, 0.4, 0.2, 0.0], atol=1e-3)
    best = 4 * math.log(0.4) + math.log(0.2)
    assert found.log_likelihood == pytest.approx(best, abs=1e-2)


def test_partial_interpretations_as_problog_learns_them(tmp_path):
    """The parameters agree, and the likelihood is what enumeration of all worlds says."""
    lfi = pytest.importorskip("problog.learning.lfi")
    from problog.program import PrologString

    path = tmp_path / "examples.pl"
    path.write_text(sampled(150))
    examples = read_interpretations(path.read_text())
    found = learn(ns.Program.parse(ALARM), examples)
    own = tuple(found.probabilities[place][0] for place in ("1:1", "3:1", "5:1"))

    seen = list(lfi.read_examples(str(path)))
    reference = lfi.run_lfi(PrologString(ALARM), seen, min_improv=1e-6)[1]
    np.testing.assert_allclose(own, reference, atol=1e-3)
    # About three deviations of a frequency among 150 draws, a part of which is hidden.
    np.testing.assert_allclose(own, (0.3, 0.7, 0.8), atol=0.2)

    likelihood = sum(math.log(enumerated(own, example)) for example in examples)
    assert found.log_likelihood == pytest.approx(likelihood, rel=1e-4)


def test_the_command_writes_the_program_with_what_it_learned(tmp_path, capsys):
    program, examples, output = (tmp_path / x for x in ("a.pl", "e.pl", "learned.pl"))
    program.write_text("% t(_)::x\n" + THREE + "query(f(_)).\n")
    examples.write_text(THREE_EXAMPLES)
    line = ["learn", str(program), str(examples), f"--output={output}", "--json"]
    assert main(line) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["examples"] == 5
    np.testing.assert_allclose(report["parameters"]["2:1"][:3], [0.4, 0.4, 0.2], atol=1e-3)
    assert output.read_text() == report["program"]
    assert report["program"].startswith("% t(_)::x\n0.")
    learned = ns.Program.read(output).probabilities()
    assert learned["f(c)"] == pytest.approx(0.2, abs=1e-3)


def test_stated_values_stay_and_learned_ones_share_the_rest():
    program = ns.Program.parse("0.4::c(r); t(_)::c(g); t(0.1)::c(b).")
    examples = read_interpretations("evidence(c(g)).\n---\nevidence(c(b)).\n---\nevidence(c(g)).")
    found = learn(program, examples)
    np.testing.assert_allclose(found.probabilities["1:1"], [0.4, 0.4, 0.2, 0.0], atol=1e-3)
    assert found.text.startswith("0.4::c(r); 0.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no example"),
        ("evidence(f(a)).\n---\nf(b).", "3:1: an example consists"),
        ("evidence(f(a), maybe).", "true or false, not maybe"),
        ("evidence(f(a)). evidence(\\+ f(a)).", "both of f"),
        ("evidence(g(a)).", "g"),
        ("evidence(f(a)). evidence(f(b)).", "impossible"),
    ],
)
def test_wrong_examples(text, message):
    with pytest.raises(ProgramError, match=message):
        learn(ns.Program.parse(THREE), read_interpretations(text), steps=2)


def test_programs_that_learn_otherwise():
    examples = read_interpretations("evidence(a).")
    with pytest.raises(ProgramError, match="nothing to learn"):
        learn(ns.Program.parse("0.5::a."), examples)
    with pytest.raises(ProgramError, match="network net"):
        learn(ns.Program.parse("t(_)::a. nn(net, [1]) :: b."), examples)
