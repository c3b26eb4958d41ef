"""Graphs: what is checked of them, and many roots over literals, against brute force."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracles import total_and_support

import neurosym as ns
from neurosym.circuits import Graph, GraphBuilder, circuit_of

VARIABLES = 5


def random_graph(seed):
    """Decisions over literals with shared parts, some constant, and several roots of them.

    Returns the graph, and for each root which of the assignments (value indices: 0 is true) hold.
    """
    rng = np.random.default_rng(seed)
    graph = GraphBuilder(VARIABLES)
    words = np.asarray(list(itertools.product((0, 1), repeat=VARIABLES)))
    always, never = np.ones(len(words), bool), np.zeros(len(words), bool)
    levels = [[(graph.true(), always), (graph.false(), never)]]
    for variable in rng.permutation(np.arange(1, VARIABLES + 1)).tolist():
        before = [pair for level in levels for pair in level]
        level = []
        for _ in range(3):
            branches, holds = [], never
            for sign in (1, -1):
                node, own = before[rng.integers(len(before))]
                says = words[:, variable - 1] == (sign < 0)
                branches.append(graph.conjoin([graph.literal(sign * variable), node]))
                holds = holds | (says & own)
            level.append((graph.disjoin(branches), holds))
        levels.append(level)
    chosen = [*levels[-1], levels[0][0], levels[0][1], *levels[2][:2]]
    literal = graph.literal(2)
    chosen.append((literal, words[:, 1] == 0))
    nodes = [node for node, _ in chosen]
    return graph.finish(*nodes, answers=range(len(nodes))), words, [own for _, own in chosen]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("semiring", [ns.COUNTING, ns.LOG, ns.MAX_TIMES], ids=lambda s: s.name)
def test_many_roots_against_brute_force(semiring, seed):
    graph, words, holds = random_graph(seed)
    assert graph.deterministic() is None
    circuit = circuit_of(graph)
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(VARIABLES, 2)).astype(np.float32)
    if semiring is ns.COUNTING:
        weights = rng.integers(0, 4, weights.shape).astype(np.int32)
    found = circuit.totals(weights, semiring=semiring)
    alone = jax.vmap(lambda root: circuit.total(weights, root=root, semiring=semiring))
    each = alone(jnp.arange(len(holds)))
    for root, own in enumerate(holds):
        wanted, outer = total_and_support(semiring.name, weights, words[own].tolist())
        wanted, outer = np.float64(wanted), np.float64(outer)
        np.testing.assert_allclose(np.float64(found[root]), wanted, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(np.float64(each[root]), wanted, rtol=1e-5, atol=1e-5)
        support = circuit.support(weights, root=root, semiring=semiring)
        np.testing.assert_allclose(np.float64(support), outer, rtol=1e-5, atol=1e-5)


def test_one_root_and_the_same_root_among_several():
    graph, _, _ = random_graph(7)
    several = circuit_of(graph)
    weights = np.random.default_rng(0).normal(size=(VARIABLES, 2)).astype(np.float32)
    for root in range(len(graph.roots)):
        one = Graph(
            graph.variables, graph.kinds, graph.literals, graph.children, (graph.roots[root],)
        )
        wanted = circuit_of(one).total(weights)
        np.testing.assert_allclose(several.total(weights, root=root), wanted, rtol=1e-5)


def test_a_builder_makes_literals_and_constants_once():
    graph = GraphBuilder(2)
    assert graph.literal(-2) == graph.literal(-2) != graph.literal(2)
    assert graph.true() == graph.true() != graph.false()
    assert graph.finish(graph.conjoin([])).kinds == ("literal", "literal", "true", "false", "and")


def test_joins_of_nothing_are_constants():
    for join, count in (("conjoin", 4), ("disjoin", 0)):
        graph = GraphBuilder(2)
        circuit = circuit_of(graph.finish(getattr(graph, join)([])))
        assert int(circuit.total(jnp.ones((2, 2), int), semiring=ns.COUNTING)) == count


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ((["literal"], [3], [()], (0,)), "there is no variable 3; there are 2"),
        ((["literal"], [0], [()], (0,)), "there is no variable 0"),
        ((["xor"], [0], [()], (0,)), "node 0 is of no kind: 'xor'"),
        ((["true", "and"], [0, 0], [(), (1,)], (1,)), "child 1 does not come before its node 1"),
        ((["true", "and"], [0, 0], [(), (-1,)], (1,)), "child -1 does not come before its node 1"),
        ((["true"], [0], [()], (1,)), "root 1 is not a node; there are 1"),
        ((["true"], [0], [()], ()), "one root for each answer, at least one"),
        ((["true"], [0], [()], (0, 0)), "2 roots and 1 distinct answers"),
        ((["true"], [0, 0], [()], (0,)), "as many as its nodes"),
    ],
)
def test_graphs_that_are_none(parts, message):
    with pytest.raises(ValueError, match=message):
        Graph(2, *parts)


def test_only_one_root_is_the_root():
    graph = GraphBuilder(1)
    both = graph.finish(graph.literal(1), graph.literal(-1), answers=("yes", "no"))
    with pytest.raises(ValueError, match="the graph has 2 roots"):
        _ = both.root


def test_parts_that_share_a_variable():
    graph = GraphBuilder(2)
    node = graph.conjoin([graph.literal(1), graph.disjoin([graph.literal(-1), graph.literal(2)])])
    with pytest.raises(ValueError, match="not decomposable: two parts of an and-node speak of 1"):
        circuit_of(graph.finish(node))


def test_literals_that_stand_for_values():
    """x over three values, y over two: x = 2, or x = 0 and y = 1, with one literal a value."""
    graph = GraphBuilder(5)
    x, y = [graph.literal(n) for n in (1, 2, 3)], [graph.literal(n) for n in (4, 5)]
    either = graph.disjoin([graph.conjoin([x[2], graph.disjoin(y)]), graph.conjoin([x[0], y[1]])])
    places = {1: 0, 2: 1, 3: 2, 4: 3, 5: 4}
    circuit = circuit_of(graph.finish(either, smooth=True), places, (2, 3), names=("x", "y"))
    assert circuit.sizes == (3, 2)
    weights = jnp.asarray([[2.0, 3.0, 5.0], [7.0, 11.0, np.nan]])
    assert float(circuit.total(weights, semiring=ns.REAL)) == 5 * 18 + 2 * 11
    np.testing.assert_allclose(np.exp(circuit.query(jnp.zeros((2, 3)), target="y")), [1 / 3, 2 / 3])


def test_a_graph_stays_what_it_was_when_its_builder_goes_on():
    graph = GraphBuilder(2)
    first = graph.finish(graph.literal(1))
    graph.conjoin([graph.literal(2)])
    assert first.kinds == ("literal",)
