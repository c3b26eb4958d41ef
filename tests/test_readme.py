"""The README's example runs, and says the truth."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def blocks():
    text = README.read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)


def test_the_examples_run_and_print_what_they_say(capsys):
    first, second, third = blocks()
    assert all(10 <= len(block.splitlines()) <= 30 for block in (first, second, third))
    names = {}
    exec(compile(first, str(README), "exec"), names)
    sizes, chance, count, agrees = capsys.readouterr().out.splitlines()
    assert sizes == "[4 4 1]"
    # By hand: of the 45 pairs a < b, (0, 4) and (1, 3) make 4.
    assert abs(float(chance) - 2 / 45) < 1e-5
    assert count == "45"
    assert agrees == "True"
    exec(compile(second, str(README), "exec"), names)
    *best, converged, whole, smaller, _, _, last = capsys.readouterr().out.splitlines()
    assert len(best) == 3
    assert converged == "True"
    assert abs(float(whole) - float(smaller)) < 1e-4
    assert [float(x) for x in last.strip(" []").split()] == [1, 3, 0]
    assert names["draws"].shape == (64, 4)
    exec(compile(third, str(README), "exec"), names)
    assert capsys.readouterr().out.strip() == "(3, 3)"


def test_every_room_that_the_table_names_exists():
    text = README.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:neurosym|experiments|configs|docs)/[\w./]*)`", text):
        assert (README.parent / path).exists(), path
