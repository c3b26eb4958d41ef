"""``.uai`` and ``.evid`` files: what they say, and where they are wrong."""

import itertools

import numpy as np
import pytest

from neurosym.io import FormatError, Text
from neurosym.languages.uai import uai_evidence, uai_model

TOY = """MARKOV
3
2 2 3
3
1 0
2 0 1
2 1 2

2
 .436 .564
4
 .128 .872
 .920 .080
6
 .210 .333 .457
 .811 .000 .189
"""


def text(content):
    return Text("toy.uai", content.encode())


def test_weights_are_products_of_tables():
    model = uai_model(text(TOY))
    first, second = [0.436, 0.564], [[0.128, 0.872], [0.92, 0.08]]
    third = [[0.21, 0.333, 0.457], [0.811, 0, 0.189]]
    assert model.network.structure.names == ("0", "1", "2")
    for a, b, c in itertools.product(range(2), range(2), range(3)):
        with np.errstate(divide="ignore"):
            right = np.log(first[a]) + np.log(second[a][b]) + np.log(third[b][c])
        np.testing.assert_allclose(model.log_weight([a, b, c]), right, rtol=1e-6)


def test_the_order_of_a_scope_and_a_factor_without_variables():
    model = uai_model(text("BAYES 2  2 3  2  2 1 0  0   6 1 2 3 4 5 6   1 10"))
    right = np.log(10 * np.arange(1, 7).reshape(3, 2))
    for a, b in itertools.product(range(2), range(3)):
        np.testing.assert_allclose(model.log_weight([a, b]), right[b, a], rtol=1e-6)


def lines(content):
    return content.splitlines(keepends=True)


@pytest.mark.parametrize("kept", range(len(lines(TOY))))
def test_a_file_that_is_cut_short_says_where(kept):
    whole = lines(TOY)
    content = "".join(whole[:kept])
    last = max((n for n, line in enumerate(whole[:kept], 1) if line.strip()), default=1)
    with pytest.raises(FormatError, match=rf"^toy.uai:{last}:\d+: the file is cut short"):
        uai_model(text(content))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("MARKOV", "CREDAL", r"toy.uai:1:1: .* MARKOV or BAYES, not 'CREDAL'"),
        ("2 2 3", "2 0 3", r"toy.uai:3:3: the values of variable 1 .* from 1 up, not '0'"),
        ("2 1 2", "2 1 3", r"toy.uai:7:5: table 2 is over variable 3, and there are 3"),
        ("2 1 2", "2 1 1", r"toy.uai:7:5: table 2 is over a variable twice"),
        ("\n6\n", "\n5\n", r"toy.uai:14:1: table 2 has 6 entries by its variables, not 5"),
        (".333", "x", r"toy.uai:15:7: table 2 has the entry 'x'"),
        (".189\n", ".189 .5\n", r"toy.uai:16:17: '.5' after the end"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, message):
    with pytest.raises(FormatError, match=message):
        uai_model(text(TOY.replace(old, new, 1)))


def test_weights_are_not_negative():
    with pytest.raises(ValueError, match="factor 2 has a value that is not a weight"):
        uai_model(text(TOY.replace(".333", "-1")))


def evidence(content):
    return uai_evidence(Text("e.evid", content.encode()), (2, 2, 3))


def test_evidence_of_one_instance_and_of_several():
    assert evidence("") == [{}]
    assert evidence("0") == [{}]
    assert evidence("2 0 1 2 2\n") == [{0: 1, 2: 2}]
    assert evidence("1\n2 0 1 2 2\n") == [{0: 1, 2: 2}]
    assert evidence("3\n1 0 1\n0\n2 1 1 2 0\n") == [{0: 1}, {}, {1: 1, 2: 0}]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("2\n1 0 1\n", "e.evid:2:5: the file is cut short: how many variables instance 1"),
        ("1 3 0", "variable 3 is observed, and the model has 3"),
        ("1 0 2", "variable 0 has 2 values, so not the value 2"),
        ("2 0 1 0 0", "variable 0 is observed twice, as 1 and 0"),
        ("1 0 1 5 5 5", "after the end"),
        ("one", "is a whole number"),
    ],
)
def test_wrong_evidence(content, message):
    with pytest.raises(FormatError, match=message):
        evidence(content)
