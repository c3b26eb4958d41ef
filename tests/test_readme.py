"""The README's example runs, and says the truth."""

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def test_the_example_runs_and_prints_what_it_says(capsys):
    text = README.read_text(encoding="utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert 15 <= len(block.splitlines()) <= 30
    exec(compile(block, str(README), "exec"), {})
    sizes, chance, count, agrees = capsys.readouterr().out.splitlines()
    assert sizes == "[4 4 1]"
    # By hand: of the 45 pairs a < b, (0, 4) and (1, 3) make 4.
    assert abs(float(chance) - 2 / 45) < 1e-5
    assert count == "45"
    assert agrees == "True"


def test_every_room_that_the_table_names_exists():
    text = README.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:neurosym|experiments|configs|docs)/[\w./]*)`", text):
        assert (README.parent / path).exists(), path
