"""Declaring: what is built, and what the user hears when it is wrong."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns


def test_arithmetic_builds_linear_constraints():
    problem = ns.Problem()
    x, y, z = problem.variables("x", shape=3, domain=range(-3, 4))
    built = 3 * x - (y - 2) + z * 2 - x + 1 <= z + np.int64(4)
    assert isinstance(built, ns.Linear)
    named = {v.name: c for v, c in zip(built.scope, built.coefficients, strict=True)}
    assert named == {"x[0]": 2, "x[1]": -1, "x[2]": 1}
    assert (built.relation, built.constant) == ("<=", 1)
    assert built.check([0, 3, 3])
    assert not built.check([1, 0, 0])
    flipped = x < 5
    assert flipped.relation == "<"
    assert repr(1 - x == y) == "Linear(-1·x[0] + -1·x[1] == -1)"


def test_arrays_of_variables_are_numpy_arrays():
    problem = ns.Problem()
    grid = problem.variables("cell", shape=(2, 3), domain="abc")
    assert grid.shape == (2, 3)
    assert grid[1, 2].name == "cell[1, 2]"
    assert grid[1, 2].index == 5
    numbers = problem.variables("n", shape=4, domain=range(5))
    constraint = numbers[::2].sum() == 3
    assert [v.name for v in constraint.scope] == ["n[0]", "n[2]"]


@pytest.mark.parametrize(
    ("shape", "domain"),
    [
        (10**9, range(10**9)),
        (1, range(10**30)),
        ((10**5, 10**5), (0, 1)),
        (2**24, itertools.count()),
    ],
)
def test_a_declaration_that_would_fill_the_memory_is_refused(shape, domain):
    problem = ns.Problem()
    problem.variable("first", domain=range(10))
    with pytest.raises(ValueError, match=r"with variable 'x' .* more than 33,554,432 values"):
        problem.variables("x", shape=shape, domain=domain)
    assert len(problem.declared) == 1


def test_a_repeated_variable_adds_up_and_zero_drops_out():
    problem = ns.Problem()
    x, y = problem.variables("x", shape=2, domain=range(5))
    constraint = ns.Linear((x, y, x), (1, 2, -1), "==", 4)
    assert [v.name for v in constraint.scope] == ["x[1]"]
    ns.testing.check_constraint(constraint)


def test_network_is_flat_arrays_grouped_by_kind():
    problem = ns.Problem()
    x = problem.variables("x", shape=4, domain=range(3))
    y = problem.variable("y", domain=("red", "green"))
    for a, b in itertools.pairwise(x):
        problem.add(a != b)
    problem.add(x.sum() == 4, ns.Table((x[0], y), [(0, "red"), (1, "green")]))
    network = problem.compile()
    assert network.mask.tolist() == [[True] * 3] * 4 + [[True, True, False]]
    assert sorted(group.scope.shape for group in network.groups) == [(1, 2), (1, 4)]
    # x[0] != x[1] and the like are all-different; the last row, on nothing, is for y.
    assert [group.scope.shape for group in network.coupled] == [(4, 2)]
    assert network.index("y") == 4
    assert network.value_index(y, "green") == 1
    assert network.decode([0, 1, 0, 1, 1]) == {
        "x[0]": 0,
        "x[1]": 1,
        "x[2]": 0,
        "x[3]": 1,
        "y": "green",
    }
    assert hash(network.structure) == hash(problem.compile().structure)
    assert network.structure == problem.compile().structure
    restricted = network.restrict({"y": "red", x[1]: range(1, 3)})
    assert restricted.mask[4].tolist() == [True, False, False]
    assert restricted.mask[1].tolist() == [False, True, True]


def two_problems():
    first, second = ns.Problem(), ns.Problem()
    return first, first.variable("a", domain=range(3)), second.variable("b", domain=range(3))


def test_bad_declarations():
    problem, a, foreign = two_problems()
    with pytest.raises(ValueError, match="domain of variable 'e' is empty"):
        problem.variable("e", domain=[])
    with pytest.raises(ValueError, match="domain of variable 'e' is empty"):
        problem.variables("e", shape=3, domain=range(0))
    with pytest.raises(ValueError, match="repeats the value 1"):
        problem.variable("e", domain=[1, 2, 1])
    with pytest.raises(ValueError, match="cannot be hashed"):
        problem.variable("e", domain=[[1]])
    with pytest.raises(ValueError, match="'a' is declared already"):
        problem.variable("a", domain=range(2))
    with pytest.raises(ValueError, match="non-empty string"):
        problem.variable("", domain=range(2))
    with pytest.raises(ValueError, match="must be positive"):
        problem.variables("v", shape=(2, 0), domain=range(2))
    with pytest.raises(ValueError, match="'b' of another problem"):
        problem.add(a + foreign == 3)
    for nothing in (3, "a < 2", None, [a == 1, [2]]):
        with pytest.raises(ValueError, match="is not a constraint"):
            problem.add(nothing)
    assert not problem.constraints
    with pytest.raises(ValueError, match="without variables cannot be compiled"):
        ns.Problem().compile()


def test_bad_linear_constraints():
    problem, a, _ = two_problems()
    word = problem.variable("word", domain=("yes", "no"))
    with pytest.raises(ValueError, match=r"variable 'word': domain value .* not 'yes'"):
        problem.add(a + word == 2)
    with pytest.raises(ValueError, match=r"a coefficient .* not 1.5"):
        1.5 * a
    with pytest.raises(ValueError, match="no relation '<>'"):
        ns.Linear((a,), (1,), "<>", 2)
    with pytest.raises(ValueError, match="over 1 variables has 2 coefficients"):
        ns.Linear((a,), (1, 2), "==", 2)
    with pytest.raises(ValueError, match=r"over a reach from 0 to \d+ .* does not fit 62 bits"):
        problem.add(2**62 * a == 0)
    wide = problem.variable("wide", domain=[-3 * 2**60, 0, 3 * 2**60])
    with pytest.raises(ValueError, match=f"span {6 * 2**60}, which does not fit 62 bits"):
        problem.add(wide != 0)
    with pytest.raises(TypeError, match="no truth value"):
        bool(a == 1)


def test_comparisons_of_numbers_are_not_conditions():
    _, a, _ = two_problems()
    for truth, meaning in ((sum([]) == 0, "always holds"), (np.int64(3) < 2, "never holds")):
        for use in (lambda t: ns.Implies(t, a == 1), lambda t: ns.Clause([t])):
            with pytest.raises(
                ValueError, match=f"a constraint .*but a comparison .*: it {meaning}"
            ):
                use(truth)


def test_bad_tables():
    problem, a, _ = two_problems()
    b = problem.variable("b", domain=("x", "y"))
    with pytest.raises(ValueError, match="'z' is not in the domain of variable 'b'"):
        ns.Table((a, b), [(0, "z")])
    with pytest.raises(ValueError, match="names a variable twice: a, a"):
        ns.Table((a, a), [(0, 0)])
    with pytest.raises(ValueError, match="of 1 values"):
        ns.Table((a, b), [(0,)])
    with pytest.raises(ValueError, match="at least one variable"):
        ns.Table((), [])


def test_bad_questions_to_a_network():
    problem, a, foreign = two_problems()
    network = problem.compile()
    with pytest.raises(ValueError, match="no variable 'aa'; did you mean a"):
        network.index("aa")
    with pytest.raises(ValueError, match="variable 7 does not exist"):
        network.index(7)
    with pytest.raises(ValueError, match="7 is not in the domain of variable 'a'"):
        network.restrict({a: 7})
    with pytest.raises(ValueError, match="no value is left"):
        network.restrict({a: []})
    other = ns.Problem()
    other.variable("z", domain=range(3))
    twin = other.variable("a", domain=range(3))
    for impostor in (ns.Problem().variable("a", domain="xyz"), twin):
        with pytest.raises(ValueError, match="belongs to another problem"):
            network.index(impostor)
    for nothing in (False, 1.0, None):
        with pytest.raises(ValueError, match="as itself, its name or its row"):
            network.index(nothing)
    assert network.index(np.int64(0)) == 0
    with pytest.raises(ValueError, match=r"\[V, D\] = \[1, 3\], not \[2, 3\]"):
        ns.total(network, jnp.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"\[V, D\] = \[1, 3\], not \[1, 4\]"):
        ns.propagate(network, jnp.ones((1, 4), bool))
    with pytest.raises(ValueError, match="no variable 'b'"):
        ns.query(network, jnp.zeros((1, 3)), target=foreign)


def test_a_problem_can_be_compiled_inside_of_a_traced_function():
    def count(weight):
        problem = ns.Problem()
        x, y = (problem.variable(name, domain=range(3)) for name in "xy")
        problem.add(x != y)
        network = problem.compile()
        assert not isinstance(network.mask, jax.core.Tracer)
        return ns.total(network, jnp.log(jnp.full((2, 3), weight)))

    assert float(jax.jit(count)(2.0)) == pytest.approx(np.log(24.0))
