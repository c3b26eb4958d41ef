"""einsum in every semiring against loops, its gradients, and the exact fallback of LOG."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracles
import pytest
from jax.test_util import check_grads
from random_problems import random_weights

import neurosym as ns
from neurosym.semirings import ALL
from neurosym.semirings.operations import contraction, contraction_by_terms

SPECS = [
    ("ij,jk->ik", [(3, 4), (4, 2)]),
    ("bij,bjk->bik", [(2, 3, 4), (2, 4, 3)]),
    ("bij,bjk->kb", [(2, 3, 4), (2, 4, 3)]),
    ("ab,cb->ac", [(3, 4), (2, 4)]),
    ("i,i->", [(5,), (5,)]),
    ("i,j->ji", [(3,), (2,)]),
    ("ij->j", [(3, 4)]),
    ("ii->i", [(3, 3)]),
    ("ij,jk,kl->il", [(2, 3), (3, 4), (4, 2)]),
    ("ab,bc,ca,c->", [(2, 3), (3, 4), (4, 2), (4,)]),
    ("ijx,jky->ik", [(2, 3, 2), (3, 2, 2)]),
    ("iij,j->i", [(2, 2, 3), (3,)]),
]
by_name = pytest.mark.parametrize("semiring", ALL, ids=lambda s: s.name)
FLOATS = [semiring for semiring in ALL if semiring.dtype == "float"]


def brute_einsum(name: str, spec: str, operands: list[np.ndarray]) -> np.ndarray:
    add, mul, zero, one = oracles.ALGEBRA[name]
    inputs, output = spec.split("->")
    terms = inputs.split(",")
    sizes = {
        x: n
        for term, a in zip(terms, operands, strict=True)
        for x, n in zip(term, a.shape, strict=True)
    }
    result = np.full([sizes[x] for x in output], zero, dtype=object)
    for values in itertools.product(*(range(n) for n in sizes.values())):
        at = dict(zip(sizes, values, strict=True))
        product = one
        for term, operand in zip(terms, operands, strict=True):
            product = mul(product, operand[tuple(at[x] for x in term)].item())
        place = tuple(at[x] for x in output)
        result[place] = add(result[place], product)
    return result


@by_name
def test_values_against_loops(semiring):
    rng = np.random.default_rng(1)
    given = [[random_weights(semiring.name, shape, rng) for shape in shapes] for _, shapes in SPECS]

    @jax.jit
    def every(given):
        pairs = zip(SPECS, given, strict=True)
        return [ns.einsum(spec, *operands, semiring=semiring) for (spec, _), operands in pairs]

    for (spec, _), operands, found in zip(SPECS, given, every(given), strict=True):
        wanted = brute_einsum(semiring.name, spec, operands)
        np.testing.assert_allclose(
            np.asarray(found, np.float64),
            wanted.astype(np.float64),
            rtol=1e-5,
            atol=1e-6,
            err_msg=spec,
        )


@pytest.mark.parametrize("semiring", FLOATS, ids=lambda s: s.name)
@pytest.mark.parametrize("spec", ["ij,jk->ik", "ij,j->i", "ij,jk,kl->il"])
def test_gradient_against_finite_differences(semiring, spec):
    with jax.enable_x64(True):
        rng = np.random.default_rng(2)
        terms = spec.split("->")[0].split(",")
        operands = [jnp.asarray(rng.uniform(0.2, 0.9, [3] * len(term))) for term in terms]

        def function(*operands):
            return jnp.sum(jnp.sin(ns.einsum(spec, *operands, semiring=semiring)))

        function = jax.jit(function)
        order = 2 if spec == "ij,j->i" else 1
        check_grads(function, operands, order=order, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("semiring", FLOATS, ids=lambda s: s.name)
def test_blocks_of_the_contracted_axis_change_nothing(semiring, monkeypatch):
    rng = np.random.default_rng(3)
    a = jnp.asarray(random_weights(semiring.name, (2, 3, 7), rng))
    b = jnp.asarray(random_weights(semiring.name, (2, 7, 4), rng))
    cotangent = jnp.asarray(rng.normal(size=(2, 3, 4)), jnp.float32)

    def run():
        operation = contraction_by_terms.Contraction(semiring)

        @jax.jit
        def forward_and_back(a, b):
            out, pullback = jax.vjp(
                lambda a, b: contraction_by_terms.rule.apply(operation, a, b), a, b
            )
            return out, *pullback(cotangent)

        return forward_and_back(a, b)

    whole = run()
    monkeypatch.setattr(contraction_by_terms, "MAX_TERMS", 60)
    for x, y in zip(run(), whole, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-6)


def log_matmul(a, b):
    return ns.einsum("bij,bjk->bik", a, b)


def exact_log_matmul(a, b):
    """In float64, where none of these products underflows."""
    terms = np.asarray(a, np.float64)[..., None] + np.asarray(b, np.float64)[:, None]
    largest = terms.max(axis=2, keepdims=True)
    largest = np.where(np.isfinite(largest), largest, 0)
    with np.errstate(divide="ignore"):
        out = np.log(np.exp(terms - largest).sum(axis=2)) + largest[:, :, 0]
    safe = np.where(np.isfinite(out), out, 0)
    return out, np.where(np.isfinite(out)[:, :, None], np.exp(terms - safe[:, :, None]), 0)


ADVERSARIAL = [
    (np.array([[[0.0, -120.0]]] * 2), np.array([[[-120.0], [0.0]]] * 2)),
    (np.array([[[0.0, -120.0], [0.0, 0.0]]]), np.array([[[-120.0, 0.0], [0.0, 0.0]]])),
    (np.array([[[0.0, -300.0], [-np.inf, -np.inf]]]), np.array([[[-300.0, -np.inf], [0.0, 5.0]]])),
    (np.array([[[0.0, -np.inf], [-90.0, 0.0]]]), np.array([[[-np.inf, 1.0], [0.0, -np.inf]]])),
    (np.array([[[-1e30, 0.0], [3.0, -80.0]]]), np.array([[[0.0, -60.0], [-100.0, -45.0]]])),
]


@jax.jit
def read_log_matmul(a, b, cotangent):
    """Values and gradients: alone, and in a batch with one that needs no exact computation."""

    def weigh(a, b):
        out = log_matmul(a, b)
        return jnp.sum(jnp.where(out > -jnp.inf, out * cotangent, 0)), out

    both = jax.grad(weigh, (0, 1), has_aux=True)
    out, pullback = jax.vjp(log_matmul, a, b)
    pair = jnp.stack([a, jnp.zeros_like(a)]), jnp.stack([b, jnp.zeros_like(b)])
    return out, pullback(cotangent), both(a, b), jax.vmap(both)(*pair)


@pytest.mark.parametrize(("a", "b"), ADVERSARIAL)
def test_log_contraction_is_exact_where_the_real_product_underflows(a, b, monkeypatch):
    monkeypatch.setattr(contraction, "FEW_PRODUCTS", 0)  # small ones too are read in reals
    wide = b if b.shape[2] > 1 else np.concatenate([b, b], 2)
    tall = a if a.shape[1] > 1 else np.concatenate([a, a], 1)
    a, b = jnp.asarray(tall, jnp.float32), jnp.asarray(wide, jnp.float32)
    wanted, shares = exact_log_matmul(a, b)
    cotangent = np.random.default_rng(0).uniform(0.5, 2, wanted.shape).astype(np.float32)
    found, pulled, (alone, _), (batched, outs) = read_log_matmul(a, b, cotangent)
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    np.testing.assert_allclose(outs[0], wanted, rtol=1e-6)
    weighted = shares * cotangent[:, :, None]
    for gradient, axis in zip(pulled, (3, 1), strict=True):
        np.testing.assert_allclose(gradient, weighted.sum(axis=axis), rtol=2e-5, atol=1e-6)
    for gradient, one in zip(batched, alone, strict=True):
        np.testing.assert_allclose(gradient[0], one, rtol=2e-5, atol=1e-6)
    # Not compiled as a whole, it takes the same branch.
    np.testing.assert_allclose(log_matmul(a, b), wanted, rtol=1e-6)


@pytest.mark.slow
def test_second_derivatives_of_a_log_contraction(monkeypatch):
    monkeypatch.setattr(contraction, "FEW_PRODUCTS", 0)
    with jax.enable_x64(True):
        rng = np.random.default_rng(4)
        operands = [jnp.asarray(rng.normal(size=(1, 2, 2))) for _ in range(2)]
        function = jax.jit(lambda a, b: jnp.sin(log_matmul(a, b)).sum())
        gradient = jax.jit(jax.grad(function, (0, 1)))
        check_grads(function, operands, order=1, rtol=1e-5)
        check_grads(gradient, operands, order=1, rtol=1e-5)


def test_the_exact_fallback_stays_a_branch_under_vmap(monkeypatch):
    monkeypatch.setattr(contraction, "FEW_PRODUCTS", 0)
    a = jnp.zeros((3, 2, 4, 5))
    b = jnp.zeros((3, 2, 5, 6))
    gradient = jax.vmap(jax.grad(lambda a, b: log_matmul(a, b).sum()))
    text = jax.jit(gradient).lower(a, b).as_text()
    # A closer look, and what it finds to mend; as selects they would be no cases at all.
    assert text.count("stablehlo.case") >= 2


def test_zero_rows_and_columns_of_log_have_zero_gradient(monkeypatch):
    monkeypatch.setattr(contraction, "FEW_PRODUCTS", 0)
    a = jnp.full((1, 2, 3), -jnp.inf).at[0, 0].set(0.0)
    b = jnp.zeros((1, 3, 2))
    gradient = jax.grad(lambda a: jnp.sum(jnp.where(a[..., :1] > -1, log_matmul(a, b), 0)))(a)
    np.testing.assert_allclose(gradient[0, 0], 2 / 3, rtol=1e-6)
    np.testing.assert_array_equal(gradient[0, 1], 0)
    everything = jax.grad(lambda a: log_matmul(a, b).sum())(a)
    assert np.isfinite(everything).all()


def test_log_contraction_is_a_real_matrix_product():
    a = jnp.zeros((8, 16, 16))
    text = str(jax.make_jaxpr(log_matmul)(a, a))
    assert "dot_general" in text


@pytest.mark.parametrize(
    ("spec", "shapes", "message"),
    [
        ("ij,jk", [(2, 3), (3, 2)], "write the output"),
        ("i...,j->i", [(2,), (3,)], "write the output"),
        ("ij,jk->ik", [(2, 3), (4, 2)], "axis 'j' is 3 long in one operand and 4"),
        ("ij,jk->ik", [(2, 3)], "2 terms but 1 operands"),
        ("ij->ik", [(2, 3)], "output axis 'k' is in no operand"),
        ("ij->ii", [(2, 2)], "repeated"),
        ("ijk->i", [(2, 3)], "has 2 axes but 'ijk' names 3"),
    ],
)
def test_malformed_specs(spec, shapes, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        ns.einsum(spec, *(jnp.zeros(shape) for shape in shapes))


def test_the_semiring_used_to_come_first():
    x = jnp.array([[0.0, 2.0], [3.0, 1.0]])
    wanted = ns.einsum("ij,jk->ik", x, x, semiring=ns.MIN_PLUS)
    assert wanted.tolist() == [[0, 2], [3, 2]]
    with pytest.warns(DeprecationWarning, match="semiring=semiring"):
        found = ns.einsum(ns.MIN_PLUS, "ij,jk->ik", x, x)
    np.testing.assert_array_equal(found, wanted)
    with pytest.raises(ValueError, match="a text such as"):
        ns.einsum(x, x)
