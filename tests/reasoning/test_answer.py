"""The pure answerer: against brute force, of networks and circuits, inside of jit, vmap, export."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import export

import neurosym as ns
from neurosym.reasoning import Answerer, Engine, make_answerer

SIZES = (3, 4)


def addition():
    """a + b == total, where a has 3 values and b has 4."""
    problem = ns.Problem()
    a, b = (
        problem.variable(name, domain=range(size)) for name, size in zip("ab", SIZES, strict=True)
    )
    total = problem.variable("total", domain=range(6))
    problem.add(a + b == total)
    return problem


def sums():
    """The same as a circuit with a root for each total."""
    return ns.circuits.from_state_machine(
        [range(size) for size in SIZES],
        0,
        lambda total, position, value: total + value,
        lambda total, position: total if position == 2 else None,
    )


def beliefs(*lead, seed=0):
    """Normalised log-weights [..., 2, 4]; what lies beyond a's domain is NaN, as it may be."""
    x = np.random.default_rng(seed).normal(size=(*lead, 2, 4)).astype(np.float32)
    x[..., 0, 3] = -np.inf
    x = np.array(jax.nn.log_softmax(x))
    x[..., 0, 3] = np.nan
    return jnp.asarray(x)


def brute(x, times=np.multiply, plus=np.add):
    """The distribution of the total, float64[6]."""
    found = np.zeros(6)
    for i, j in itertools.product(*map(range, SIZES)):
        found[i + j] = plus(found[i + j], times(np.exp(float(x[0, i])), np.exp(float(x[1, j]))))
    return found / found.sum()


@pytest.mark.parametrize("make", [addition, lambda: addition().compile(), sums])
def test_a_problem_a_network_and_a_circuit_of_its_answers_say_the_same(make):
    model = make()
    answerer = make_answerer(model, None if make is sums else "total")
    assert isinstance(answerer, Answerer)
    batch = beliefs(2, 3)
    found = np.exp(answerer(batch))
    assert found.shape == (2, 3, 6)
    for place in np.ndindex(2, 3):
        np.testing.assert_allclose(found[place], brute(batch[place]), rtol=1e-5)
    np.testing.assert_allclose(np.exp(answerer(batch[0, 0])), found[0, 0], rtol=1e-6)


@pytest.mark.parametrize("compiler", [ns.circuits.trace_elimination])
@pytest.mark.parametrize("semiring", [ns.LOG, ns.REAL, ns.MAX_TIMES, ns.MAX_MIN], ids=repr)
def test_one_variable_of_a_circuit_is_that_of_its_network(compiler, semiring):
    network = addition().compile()
    circuit = compiler(network)
    total = network.index("total")
    batch = jnp.where(jnp.isnan(beliefs(4)), -1.0, beliefs(4))
    of_network = make_answerer(network, total, semiring=semiring)
    of_circuit = make_answerer(circuit, total, semiring=semiring)
    np.testing.assert_allclose(of_circuit(batch), of_network(batch), rtol=1e-5, atol=1e-6)
    # The inputs in another order, and one of them alone: the other weighs one.
    swapped = make_answerer(circuit, total, inputs=[1, 0], semiring=semiring)
    np.testing.assert_allclose(swapped(batch[:, ::-1]), of_network(batch), rtol=1e-5, atol=1e-6)
    alone = [make_answerer(x, total, inputs="a" if x is network else 0) for x in (network, circuit)]
    np.testing.assert_allclose(alone[1](batch[:, :1]), alone[0](batch[:, :1]), rtol=1e-5)


@pytest.mark.parametrize(
    ("semiring", "same"), [(ns.K_BEST(2), ns.MAX_TIMES), (ns.EXPECTATION, ns.LOG)], ids=repr
)
def test_elements_of_several_parts_answer_too(semiring, same):
    network = addition().compile()
    circuit = ns.circuits.trace_elimination(network)
    batch = jnp.where(jnp.isnan(beliefs(3)), -1.0, beliefs(3))
    for model in (network, circuit):
        for query, inputs in (("total", None), (None, ["a", "b"])):
            found, wanted = (
                make_answerer(model, query, inputs=inputs, semiring=x)(batch)
                for x in (semiring, same)
            )
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_whether_a_circuit_holds():
    network = addition().compile()
    circuit = ns.circuits.trace_elimination(network)
    given = [beliefs(5)[..., n, :] for n in range(2)]
    total = jax.nn.log_softmax(jax.random.normal(jax.random.key(1), (5, 6)))
    wide = jnp.stack([*(jnp.pad(x, ((0, 0), (0, 2))) for x in given), total], axis=1)
    found = make_answerer(circuit)(wide)
    for n in range(5):
        joint = [
            float(given[0][n, i] + given[1][n, j] + total[n, i + j])
            for i, j in itertools.product(*map(range, SIZES))
        ]
        np.testing.assert_allclose(found[n], np.logaddexp.reduce(joint), rtol=1e-5)


@pytest.mark.parametrize("make", [lambda: (addition(), "total"), lambda: (sums(), None)])
def test_it_is_exported_for_batches_of_any_size(make):
    answerer = make_answerer(*make())
    (size,) = export.symbolic_shape("size")
    shape = jax.ShapeDtypeStruct((size, 2, 4), jnp.float32)
    exported = export.export(jax.jit(answerer), platforms=["cpu", "cuda", "tpu"])(shape)
    # Nothing but the bytes of the program is left of it, as after writing and reading a file.
    program = bytes(exported.mlir_module_serialized)
    read = dataclasses.replace(exported, mlir_module_serialized=program)
    for number in (1, 7):
        batch = jnp.nan_to_num(beliefs(number))
        found = np.exp(read.call(batch))
        for n in range(number):
            np.testing.assert_allclose(found[n], brute(batch[n]), rtol=1e-5)


def test_an_export_is_written_to_a_file_and_read_again():
    pytest.importorskip("flatbuffers")
    answerer = make_answerer(addition(), "total")
    (size,) = export.symbolic_shape("size")
    shape = jax.ShapeDtypeStruct((size, 2, 4), jnp.float32)
    written = export.export(jax.jit(answerer))(shape).serialize()
    batch = jnp.nan_to_num(beliefs(3))
    np.testing.assert_array_equal(export.deserialize(written).call(batch), answerer(batch))


def test_it_is_a_pytree_with_static_facts():
    for model, query in ((addition(), "total"), (sums(), None)):
        answerer = make_answerer(model, query)
        leaves = jax.tree.leaves(answerer)
        assert leaves
        assert all(isinstance(leaf, jax.Array) for leaf in leaves)
        batch = beliefs(3)
        ask = jax.jit(lambda answerer, x: answerer(x))
        np.testing.assert_array_equal(ask(answerer, batch), jax.jit(answerer)(batch))
        each = jax.vmap(answerer)(batch)
        np.testing.assert_allclose(each, answerer(batch), rtol=1e-6)
        with pytest.raises(dataclasses.FrozenInstanceError):
            answerer.target = 1


def test_gradients_are_those_of_brute_force():
    x = jnp.nan_to_num(beliefs())
    answerers = [make_answerer(addition(), "total"), make_answerer(sums())]
    slopes = [jax.grad(lambda w, answerer=answerer: answerer(w)[2])(x) for answerer in answerers]
    wanted = np.zeros((2, 4))
    for place in np.ndindex(2, 4):
        if place != (0, 3):
            step = np.zeros((2, 4))
            step[place] = 1e-4
            up, down = (np.log(brute(np.asarray(x, float) + sign * step)[2]) for sign in (1, -1))
            wanted[place] = (up - down) / 2e-4
    for slope in slopes:
        np.testing.assert_allclose(slope, wanted, atol=1e-4)


def test_an_engine_of_ones_own_is_asked():
    asked = []

    def total(model, weights, *, semiring):
        asked.append(weights.shape)
        return ns.total(model, weights, semiring=semiring)

    engine = Engine(total=total, query=ns.query)
    answerer = make_answerer(addition(), engine=engine)
    assert answerer.facts()["engine"] == "of one's own"
    answerer(jnp.zeros((3, 6)))
    assert asked == [(3, 6)]


def test_wrong_use_is_answered_in_words():
    impossible = ns.Problem()
    x, y = impossible.variables("x", shape=2, domain=range(2))
    impossible.add(x + y == 9)
    with pytest.raises(ValueError, match="the problem is unsatisfiable"):
        make_answerer(impossible, x)
    with pytest.raises(ValueError, match="the circuit is unsatisfiable"):
        make_answerer(ns.circuits.trace_elimination(impossible.compile()))
    with pytest.raises(ValueError, match="with 6 roots infers which of its answers"):
        make_answerer(sums(), 0)
    with pytest.raises(ValueError, match="variable 7 does not exist; there are 2"):
        make_answerer(sums(), inputs=[7])
    with pytest.raises(ValueError, match="given twice: 0"):
        make_answerer(sums(), inputs=[0, 0])
    with pytest.raises(ValueError, match="is not a Problem, a Network"):
        make_answerer("a + b == c")
    with pytest.raises(ValueError, match="counting does not convert"):
        make_answerer(addition(), "total", semiring=ns.COUNTING)
    with pytest.raises(ValueError, match=r"\[..., 2, 4\]"):
        make_answerer(addition(), "total")(jnp.zeros((2, 3)))
