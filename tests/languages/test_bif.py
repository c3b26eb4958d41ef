"""``.bif`` files: pgmpy's reader as a second opinion on every network that it ships."""

import gzip
import importlib.resources
import warnings

import numpy as np
import pytest

from neurosym.io import FormatError, Text, read_text
from neurosym.languages.bif import bif_model

RAIN = """// a comment
network rain { property author none; }
variable Rain { type discrete [ 2 ] { no, yes }; }
variable Wet {
  type discrete [ 3 ] { no, >=1/2, "yes" };
  property position = (1, 2);
}
probability ( Rain ) { table 0.8, 0.2; }
probability ( Wet | Rain ) {
  (yes) 0.1, 0.2, 0.7;
  default 0.5, 0.25, 0.25;
}
"""


def text(content):
    return Text("rain.bif", content.encode())


def test_tables_have_the_values_of_their_rows():
    model = bif_model(text(RAIN))
    assert model.network.structure.domains == (("no", "yes"), ("no", ">=1/2", "yes"))
    right = np.log([[0.8 * 0.5, 0.8 * 0.25, 0.8 * 0.25], [0.2 * 0.1, 0.2 * 0.2, 0.2 * 0.7]])
    for a in range(2):
        for b in range(3):
            np.testing.assert_allclose(model.log_weight([a, b]), right[a, b], rtol=1e-6)


def test_a_table_that_lists_everything():
    whole = RAIN.replace("(yes) 0.1, 0.2, 0.7;", "table 0.5 0.1 0.25 0.2 0.25 0.7;")
    whole = whole.replace("  default 0.5, 0.25, 0.25;\n", "")
    given, right = bif_model(text(whole)), bif_model(text(RAIN))
    np.testing.assert_allclose(given.potentials[0].log_table, right.potentials[0].log_table)


@pytest.mark.parametrize("kept", range(3, len(RAIN.splitlines())))
def test_a_file_that_is_cut_short_says_so(kept):
    content = "".join(RAIN.splitlines(keepends=True)[:kept])
    with pytest.raises(FormatError, match="cut short"):
        bif_model(text(content))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[ 3 ]", "[ 2 ]", "rain.bif:5:.* to have 2 distinct values"),
        ("discrete [ 2 ]", "continuous [ 2 ]", "rain.bif:3:.* only discrete"),
        ("( Wet | Rain )", "( Wet | Snow )", "rain.bif:9:.* 'Snow', which is no variable"),
        ("(yes) 0.1", "(maybe) 0.1", "rain.bif:10:.* 'maybe', which is not a value of 'Rain'"),
        ("0.1, 0.2, 0.7", "0.1, 0.2", "rain.bif:10:.* has 2 numbers, not 3"),
        ("0.1, 0.2, 0.7", "0.1, p, 0.7", "rain.bif:10:.* 'p', which is not a number"),
        ("  default 0.5, 0.25, 0.25;\n", "", "leaves a row out"),
        ("network rain", "net rain", "rain.bif:2:1: network, variable or probability"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(old, new, message):
    with pytest.raises(FormatError, match=message):
        bif_model(text(RAIN.replace(old, new, 1)))


SMALL = ["asia", "cancer", "child", "alarm", "insurance", "survey", "sachs", "earthquake", "water"]
LARGE = ["hailfinder", "hepar2", "win95pts", "andes", "barley", "mildew"]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "name", [*SMALL[:4], *(pytest.param(n, marks=pytest.mark.slow) for n in SMALL[4:] + LARGE)]
)
def test_the_networks_that_pgmpy_ships(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        readwrite = pytest.importorskip("pgmpy.readwrite", reason="pgmpy is not installed")
    path = importlib.resources.files("pgmpy.utils") / "example_models" / f"{name}.bif.gz"
    given = readwrite.BIFReader(string=gzip.decompress(path.read_bytes()).decode()).get_model()
    ours = bif_model(read_text(str(path)))
    structure = ours.network.structure
    assert set(structure.names) == set(given.nodes())
    cpds = {node: given.get_cpds(node) for node in given.nodes()}
    rng = np.random.default_rng(0)
    for _ in range(20):
        values = [int(rng.integers(len(domain))) for domain in structure.domains]
        named = dict(zip(structure.names, values, strict=True))
        right = 0.0
        for node, cpd in cpds.items():
            at = [
                cpd.state_names[x].index(structure.domains[structure.index(x)][named[x]])
                for x in cpd.variables
            ]
            with np.errstate(divide="ignore"):
                right += np.log(cpd.values[tuple(at)])
            assert node == cpd.variable
        np.testing.assert_allclose(ours.log_weight(values), right, rtol=1e-4, atol=1e-4)
