"""SDD and NNF files: what is read, and how what is malformed is refused."""

import itertools
import re

import jax.numpy as jnp
import pytest

import neurosym as ns

C2D = "c exclusive or\nnnf 7 6 2\nL 1\nL -2\nA 2 0 1\nL -1\nL 2\nA 2 3 4\nO 1 2 2 5\n"
D4 = "o 1 0\nt 2 0\n1 2 -1 2 0\n1 2 1 -2 0\n"
VTREE = "c a comment\nvtree 3\nL 0 1\nL 2 2\nI 1 0 2\n"
SDD = "sdd 5\nL 0 0 1\nL 1 2 -2\nL 2 0 -1\nL 3 2 2\nD 4 1 2 0 1 2 3\n"


def written(tmp_path, text, name="file"):
    path = tmp_path / name
    path.write_text(text)
    return path


def truth_table(circuit):
    """Which assignments of two variables are models; bit 0 is variable 1."""
    found = []
    for values in itertools.product((False, True), repeat=2):
        weights = jnp.asarray([[value, not value] for value in values])
        found.append(bool(circuit.total(weights, semiring=ns.BOOLEAN)))
    return found


@pytest.mark.parametrize("text", [C2D, D4], ids=["c2d", "d4"])
def test_nnf_files(tmp_path, text):
    circuit = ns.circuits.from_nnf(written(tmp_path, text))
    assert circuit.deterministic
    assert truth_table(circuit) == [False, True, True, False]


def test_sdd_files(tmp_path):
    circuit = ns.circuits.from_sdd(written(tmp_path, SDD, "sdd"), written(tmp_path, VTREE, "vtree"))
    assert truth_table(circuit) == [False, True, True, False]


def test_variables_that_a_file_does_not_mention_are_free(tmp_path):
    ones = jnp.ones((5, 2), jnp.int32)
    for text in (C2D.replace("7 6 2", "7 6 5"), D4):
        circuit = ns.circuits.from_nnf(written(tmp_path, text), variables=5)
        assert int(circuit.total(ones, semiring=ns.COUNTING)) == 2 * 2**3
    smooth = ns.circuits.from_nnf(written(tmp_path, "o 1 0\nt 2 0\n1 2 1 0\n1 2 -1 2 0\n"))
    assert int(smooth.total(ones[:2], semiring=ns.COUNTING)) == 3


def test_constants_of_files(tmp_path):
    ones = jnp.ones((1, 2), jnp.int32)
    for text, count in (
        ("nnf 1 0 1\nA 0\n", 2),
        ("nnf 1 0 1\nO 0 0\n", 0),
        ("nnf 3 2 1\nL 1\nO 0 0\nA 2 0 1\n", 0),
        ("t 1 0\n", 2),
        ("f 1 0\n", 0),
    ):
        circuit = ns.circuits.from_nnf(written(tmp_path, text), variables=1)
        assert int(circuit.total(ones, semiring=ns.COUNTING)) == count
    vtree = written(tmp_path, VTREE, "vtree")
    for text, count in (("sdd 1\nT 0\n", 4), ("sdd 1\nF 0\n", 0)):
        circuit = ns.circuits.from_sdd(written(tmp_path, text), vtree)
        assert int(circuit.total(jnp.ones((2, 2), jnp.int32), semiring=ns.COUNTING)) == count


def test_a_circuit_that_is_not_seen_to_be_deterministic(tmp_path):
    path = written(tmp_path, "nnf 3 2 2\nL 1\nL 2\nO 0 2 0 1\n")  # 1 or 2
    circuit = ns.circuits.from_nnf(path)
    assert not circuit.deterministic
    with pytest.raises(ValueError, match="semiring log is not idempotent, and the circuit is not"):
        circuit.total(jnp.zeros((2, 2)))
    best = circuit.total(jnp.asarray([[1.0, 5.0], [2.0, 0.0]]), semiring=ns.MAX_TIMES)
    assert float(best) == 7
    trusted = ns.circuits.from_nnf(path, deterministic=True)  # wrongly: both count
    assert int(trusted.total(jnp.ones((2, 2), jnp.int32), semiring=ns.COUNTING)) == 4


def test_and_nodes_that_share_a_variable_are_refused(tmp_path):
    path = written(tmp_path, "nnf 4 4 2\nL 1\nL 2\nA 2 0 1\nA 2 2 0\n")
    with pytest.raises(ValueError, match=r"file:5: not decomposable: .* speak of 1"):
        ns.circuits.from_nnf(path)


def test_files_that_are_cut_short(tmp_path):
    good = written(tmp_path, VTREE, "vtree")
    for text, read in (
        (C2D, ns.circuits.from_nnf),
        (SDD, lambda path: ns.circuits.from_sdd(path, good)),
        (VTREE, lambda path: ns.circuits.from_sdd(written(tmp_path, SDD, "sdd"), path)),
    ):
        read(written(tmp_path, text))
        read(written(tmp_path, text[:-1]))  # the last line is whole, its line feed is missing
        for size in range(len(text) - 1):
            with pytest.raises(ValueError, match=r"file(:\d+)?: "):
                read(written(tmp_path, text[:size]))


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("nnf 1 1 10\nL 1\n", 512),  # as dsharp writes it
        ("nnf 1 1 10\nL 1", 512),
        ("nnf 2 2 1\nL 1\nA 1 0\n", 1),  # more edges than there are
        ("nnf 7 0 2\n" + C2D.split("\n", 2)[2], 2),  # fewer
        ("nnf 1 0 2\n" + C2D.split("\n", 2)[2], 2),  # more nodes: the last one is the root
        (C2D.replace("\n", "\r\n"), 2),
        (C2D.rstrip("\n"), 2),
        (D4.rstrip("\n"), 2),
    ],
)
def test_nnf_files_as_compilers_write_them(tmp_path, text, count):
    path = tmp_path / "file"
    path.write_bytes(text.encode())
    circuit = ns.circuits.from_nnf(path)
    ones = jnp.ones(circuit.shape, jnp.int32)
    assert int(circuit.total(ones, semiring=ns.COUNTING)) == count


def test_sdd_files_without_a_last_line_feed(tmp_path):
    sdd, vtree = written(tmp_path, SDD.rstrip(), "sdd"), written(tmp_path, VTREE.rstrip(), "vtree")
    assert truth_table(ns.circuits.from_sdd(sdd, vtree)) == [False, True, True, False]


def test_reading_a_file_gives_a_graph(tmp_path):
    graph = ns.io.read_nnf(written(tmp_path, C2D))
    assert isinstance(graph, ns.circuits.Graph)
    assert ns.io.Nnf is ns.circuits.Graph
    assert graph.kinds[graph.root] == "or"
    assert graph.places[graph.root].endswith("file:9")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nnf 1 0\nL 1\n", "file:1: the header is 'nnf NODES EDGES VARIABLES'"),
        ("nnf 1 0 x\nL 1\n", "file:1: 'x' is not an integer of the header"),
        ("nnf 1 0 1\nL 2\n", "file:2: 'L LITERAL' with a variable from 1 to 1"),
        ("nnf 1 0 1\nL 0\n", "file:2: 'L LITERAL' with a variable from 1 to 1"),
        ("nnf 1 0 1\nX 1\n", "file:2: a node starts with L, A or O, not 'X'"),
        ("nnf 2 1 1\nL 1\nA 2 0\n", "file:3: 'A COUNT CHILD ...' with as many children"),
        ("nnf 2 1 1\nL 1\nA 1 1\n", "file:3: node 1 refers to node 1, which does not come before"),
        ("nnf 2 1 1\nL 1\nA 1 -1\n", "file:3: node 1 refers to node -1"),
        ("nnf 2 1 1\nL 1\nO 9 1 0\n", "file:3: variable 9 does not exist; there are 1"),
        ("nnf 3 1 1\nL 1\nA 1 0\n", "file:3: the header states 3 nodes, the file ends here after"),
        ("nnf 0 0 0\n", "file:1: there is no circuit in it"),
        ("nnf 1 0 99999999999\nL 1\n", "file:1: '99999999999' is not an integer"),
        ("", "file: there is no circuit in it"),
        ("o 1 0\no 1 0\n", "file:2: node 1 is declared a second time"),
        ("o 1 0\n1 2 1 0\n", "file:2: node 2 is not declared before this edge"),
        ("o 1 0\n", "file:1: node 1 has no edges: is the file cut short?"),
        ("o 1 0\na 2 0\n1 2 1 0\n2 1 2 0\n", "file:4: a cycle: node 1 is below itself"),
        ("o 1 0\nt 2 0\n1 2 1\n", "file:3: an edge is 'PARENT CHILD LITERAL ... 0'"),
        ("o 1 0\nt 2 0\n2 1 0\n", "file:3: node 2 is a constant and has no children"),
        ("o 1\n", "file:1: a node is 'o NUMBER 0'"),
        ("o 1 0\nt 2 0\n1 2 -1 2", "file:3: an edge is 'PARENT CHILD LITERAL ... 0'"),
        (
            "o 1 1 0\nt 2 0\n1 2 0\n",
            "file:1: a node is 'o NUMBER 0'; this one has more numbers, as",
        ),
        ("o 1 0\no 3 2 1 0\n", "in the certified dialect of d4, which is not read"),
        ("hello\n", "file:1: a line starts with o, a, t, f or a number, not 'hello'"),
    ],
)
def test_malformed_nnf(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ns.circuits.from_nnf(written(tmp_path, text))


def test_d4_variables_beyond_those_stated(tmp_path):
    with pytest.raises(ValueError, match="file:3: variable 2 does not exist; there are 1"):
        ns.circuits.from_nnf(written(tmp_path, D4), variables=1)
    with pytest.raises(ValueError, match="file:2: the header states 2 variables, more than 1"):
        ns.circuits.from_nnf(written(tmp_path, C2D), variables=1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sdd\nT 0\n", "file:1: the header is 'sdd NODES', at least one"),
        ("T 0\n", "file: the header 'sdd NODES' is missing"),
        ("sdd 1\nL 0 0 3\n", "file:2: the vtree has no variable 3"),
        ("sdd 2\nT 0\nT 0\n", "file:3: node 0 is declared a second time"),
        ("sdd 2\nT 0\nD 1 1 1 0 5\n", "file:3: node 5 does not come before this node"),
        ("sdd 2\nT 0\nD 1 7 1 0 0\n", "file:3: the vtree has no node 7"),
        ("sdd 2\nT 0\nD 1 1 2 0 0\n", "file:3: a node is 'T NODE'"),
        ("sdd 2\nT 0\nD 1 1 0\n", "file:3: a decision has at least one element"),
        ("sdd 2\nT 0\nD 1 1 -1\n", "file:3: a node is 'T NODE'"),
        ("sdd 3\nL 0 2 2\nT 1\nD 2 1 1 0 1\n", "file:4: prime 0 speaks of variables on the other"),
        (
            "sdd 3\nL 0 0 1\nT 1\nD 2 1 1 0 1\n",
            "file:4: the primes of this decision are not a part",
        ),
        ("sdd 1\nT 0\nF 1", "file:3: the header states 1 nodes, the file has 2"),
        ("sdd 2\nL 0 0 1.5\nT 1\n", "file:2: '1.5' is not an integer of a node"),
    ],
)
def test_malformed_sdd(tmp_path, text, message):
    vtree = written(tmp_path, VTREE, "vtree")
    with pytest.raises(ValueError, match=re.escape(message)):
        ns.circuits.from_sdd(written(tmp_path, text), vtree)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vtree 2\nL 0 1\nL 1 1\n", "file:3: variable 1 is on line 2 already"),
        ("vtree 2\nL 0 1\nL 1 3\n", "file:3: a vtree has one root, not 2"),
        ("vtree 3\nL 0 1\nL 1 3\nI 2 0 1\n", "file:4: there are 2 variables, but none is 2"),
        ("vtree 2\nL 0 1\nI 1 0 2\n", "file:3: node 2 does not come before its parent"),
        ("vtree 2\nL 0 1\nI 1 0 0\n", "file:3: node 0 has two parents"),
        ("vtree 2\nL 0 1\nL 0 2\n", "file:3: node 0 is declared a second time"),
        ("vtree 1\nL 0 0\n", "file:2: a variable is a positive number, not 0"),
        ("vtree 1\nX 0 1\n", "file:2: a node of a vtree is"),
    ],
)
def test_malformed_vtree(tmp_path, text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        ns.circuits.from_sdd(written(tmp_path, SDD, "sdd"), written(tmp_path, text))
