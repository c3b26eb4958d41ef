"""Law suites for a semiring, a constraint or a circuit compiler of your own.

    ns.testing.check_semiring(mine, elements)
    ns.testing.check_provenance(mine, elements)
    ns.testing.check_constraint(Mine(...))
    ns.testing.check_compiler(mine)

Each raises `AssertionError` that names the law and shows the numbers. The oracles enumerate all
assignments with the semiring's own ⊕ and ⊗; they share no code with the engines.
"""

import itertools
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from neurosym.circuits.circuit import Circuit
from neurosym.circuits.compilation import compile_formula
from neurosym.circuits.compilers.compiler import Compiler
from neurosym.circuits.formula import Formula
from neurosym.hard.propagate import propagate
from neurosym.problems.constraints.composite import composed
from neurosym.problems.constraints.constraint import Constraint, placements
from neurosym.problems.constraints.joint import joined
from neurosym.problems.logic import holds
from neurosym.problems.network import build_network
from neurosym.semirings.algebra import elements as parts
from neurosym.semirings.algebra.instances import BOOLEAN, COUNTING, LOG
from neurosym.semirings.algebra.provenance import Provenance
from neurosym.semirings.algebra.semiring import Semiring
from neurosym.semirings.operations.einsum import einsum


def check_semiring(semiring: Semiring, elements: Any = None, *, rtol: float = 1e-5) -> None:
    """Checks the laws of a commutative semiring, and its declared properties and derivatives.

    Associativity, commutativity and identities of ⊕ and ⊗, distributivity, the annihilator; n-ary
    sum, product and contraction against folds; conversions from and to log-probabilities;
    idempotent, selective and ordered as declared; negate, divide and star where they are declared;
    gradients finite, also at zero, and equal to finite differences where the elements are apart
    (not for elements of several parts, which JAX differentiates by itself).

    Args:
      semiring: what to check.
      elements: a few elements, ``[N]``; zero and one are added. Distinct elements make a sharper
        check. Their floating parts should be such that the operations are nearly exact. By default
        the elements of a few probabilities, or the numbers themselves.
      rtol: relative tolerance of equality, and absolute tolerance near zero.

    Raises:
      AssertionError: naming the law that fails.
    """
    if elements is None:
        some = jnp.asarray([0.25, 0.5, 0.75])
        elements = some if semiring.from_log is None else semiring.from_log(jnp.log(some))
    given = semiring.asarray(elements)
    dtype = parts.dtype(semiring, given)
    zero, one = semiring.zeros((1,), dtype), semiring.ones((1,), dtype)
    x = parts.concatenate(semiring, [zero, one, given])
    add, mul = semiring.add, semiring.mul

    def same(law: str, left: Any, right: Any) -> None:
        for one_part, other in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
            first, second = np.broadcast_arrays(np.float64(one_part), np.float64(other))
            np.testing.assert_allclose(
                first,
                second,
                rtol=rtol,
                atol=rtol,
                err_msg=f"semiring {semiring.name}: {law}",
            )

    names: list[str] = []

    def sides(x: Any) -> list[tuple[Any, Any]]:
        laws = _laws(semiring, x)
        names.extend(laws)
        return list(laws.values())

    sides_of_all = jax.jit(sides)(x)
    for law, (left, right) in zip(names, sides_of_all, strict=True):
        same(law, left, right)
    _check_capabilities(semiring, given, same)
    if parts.is_structured(semiring):
        return
    if semiring.from_log is not None:
        p, q = jnp.log(jnp.asarray([0.0, 0.25, 1.0])), jnp.log(jnp.asarray([0.5, 0.125, 0.75]))
        inside = semiring.from_log(p)
        if semiring.dtype == "float" and not semiring.truth_degrees:
            both = mul(inside, semiring.from_log(q))
            same("from_log turns products of probabilities into ⊗", semiring.from_log(p + q), both)
        if semiring.to_log is not None:
            same("to_log undoes from_log", semiring.to_log(inside), p)

    pair = np.asarray(add(x[:, None], x[None, :]))
    left, right = np.broadcast_arrays(np.asarray(x)[:, None], np.asarray(x)[None, :])
    if semiring.idempotent:
        same("idempotent: x ⊕ x = x", add(x, x), x)
    if semiring.selective:
        chosen = (pair == left) | (pair == right)
        assert chosen.all(), f"semiring {semiring.name}: ⊕ is declared selective but is not"
    if semiring.selective_mul:
        product = np.asarray(mul(x[:, None], x[None, :]))
        chosen = (product == left) | (product == right)
        assert chosen.all(), f"semiring {semiring.name}: ⊗ is declared selective but is not"
    slack = rtol * np.maximum(1, np.abs(np.where(np.isfinite(left * 1.0), left, 0)))
    if semiring.ordered == "increasing":
        assert (pair >= left - slack).all(), f"semiring {semiring.name}: ⊕ does not increase"
    if semiring.ordered == "decreasing":
        assert (pair <= left + slack).all(), f"semiring {semiring.name}: ⊕ does not decrease"
    if semiring.differentiable and semiring.dtype == "float":
        _check_gradients(semiring, np.asarray(given))


def check_constraint(
    constraint: Constraint,
    *,
    seed: int = 0,
    samples: int = 8,
    exact: bool = True,
    semirings: Sequence[Semiring] = (LOG,),
) -> None:
    """Ties the four readings of a constraint together, by enumeration of all its assignments.

    - *prune* keeps exactly the values that some allowed assignment within the domains uses, which
      is the Boolean through; with ``exact=False``, it keeps at least those;
    - *total* and *support* equal sums over allowed assignments, in COUNTING and in ``semirings``;
    - the compiled relation allows what *check* allows.

    Args:
      constraint: a declaration whose scope has few assignments.
      seed: of the random domains and weights.
      samples: random domains to prune.
      exact: False for a propagator that is documented as weaker.
      semirings: differentiable semirings with float elements to compare totals in.

    Raises:
      AssertionError: naming the reading that disagrees.
    """
    variables = constraint.visible
    plain = all(x.index >= 0 for x in constraint.scope) and not constraint.guards
    relation = joined(constraint) if plain and _stands_alone(constraint) else composed(constraint)
    scope = [variable.index for variable in variables]
    network = build_network(variables[0].problem.declared, [constraint])
    indices = itertools.product(*(range(len(x.domain)) for x in variables))
    allowed = []
    for index in indices:
        values: list[Hashable] = [x.domain[v] for x, v in zip(variables, index, strict=True)]
        holds = constraint.check(values) if plain else _holds(constraint, index)
        assert relation.allows(index) == holds, (
            f"{constraint!r}: check says {holds} of {values}, the compiled relation does not"
        )
        if holds:
            allowed.append(index)
    rng = np.random.default_rng(seed)
    declared = np.asarray(network.mask)
    keep = rng.random((samples, *declared.shape)) < rng.uniform(0.3, 1.0, (samples, 1, 1))
    masks = np.concatenate([declared[None], keep & declared])
    pruned = jax.jit(jax.vmap(lambda mask: propagate(network, mask).domains))(jnp.asarray(masks))
    boolean_support = jax.jit(lambda weights: relation.support(BOOLEAN, weights))
    for mask, found in zip(masks, np.asarray(pruned.mask), strict=True):
        wanted = _through(scope, allowed, mask)
        if exact:
            np.testing.assert_array_equal(found, wanted, f"{constraint!r}: prune is not exact")
        else:
            assert (found >= wanted).all(), f"{constraint!r}: prune removed a supported value"
        through = _boolean_through(mask[scope], relation.sizes, boolean_support)
        for k, i in enumerate(scope):
            row = through[k] if wanted.any() else np.zeros_like(through[k])
            size = len(variables[k].domain)
            np.testing.assert_array_equal(
                row, wanted[i, :size], f"{constraint!r}: the Boolean through is not the support"
            )
    for semiring in (COUNTING, *semirings):
        _check_totals(constraint, relation, allowed, semiring, rng)


def _stands_alone(constraint: Constraint) -> bool:
    """Whether a constraint compiles to relations over its own scope alone."""
    scope = {variable.index for variable in constraint.scope}
    return all(set(one.scope) <= scope for one in placements(constraint))


def _holds(constraint: Constraint, index: Sequence[int]) -> bool:
    """`check` of a constraint over expressions, from value indices of the variables they read."""
    given = {x: np.asarray(v) for x, v in zip(constraint.visible, index, strict=True)}
    return bool(holds(constraint, given))


def check_compiler(compiler: Compiler, *, formulas: int = 20, seed: int = 0) -> None:
    """Checks that a compiler's graphs have the models of their formulas, each of them once.

    The check compares weighted counts of small random formulas with sums over all assignments: the
    count of all models, and the count of the models through each literal. Formulas that cannot hold
    and variables that occur in no clause are among them.

    Args:
      compiler: what to check; see `neurosym.circuits.Compiler`.
      formulas: how many random ones, besides the one without clauses and one that cannot hold.
      seed: of the formulas and of their weights.

    Raises:
      AssertionError: naming the formula and the law that fails.
      ValueError: if a graph is not decomposable or has other variables than its formula.
    """
    rng = np.random.default_rng(seed)
    cases = [Formula([], 2), Formula([(1,), (-1,)], 2)]
    for _ in range(formulas):
        variables = int(rng.integers(2, 8))
        clauses = []
        for _ in range(int(rng.integers(1, 12))):
            chosen = rng.choice(variables, min(int(rng.integers(1, 4)), variables), replace=False)
            clauses.append(((chosen + 1) * rng.choice([-1, 1], len(chosen))).tolist())
        cases.append(Formula(clauses, variables))
    for formula in cases:
        words = np.asarray(list(itertools.product((True, False), repeat=formula.variables)))
        holds = np.ones(len(words), np.bool_)
        for clause in formula.clauses:
            holds &= np.any([words[:, abs(x) - 1] == (x > 0) for x in clause], axis=0)
        weights = rng.uniform(0.2, 2, (formula.variables, 2))
        products = np.where(words, weights[:, 0], weights[:, 1]).prod(1) * holds
        wanted = [products.sum(), *(products @ words), *(products @ ~words)]
        found = _model_counts(compile_formula(formula, compiler=compiler), weights)
        what = f"of {formula} by {compiler!r}"
        np.testing.assert_allclose(
            found[0], wanted[0], rtol=1e-9, atol=1e-12, err_msg=f"the weighted model count {what}"
        )
        np.testing.assert_allclose(
            found[1:],
            wanted[1:],
            rtol=1e-9,
            atol=1e-12,
            err_msg=f"the weighted model counts through each literal {what}",
        )


def _model_counts(circuit: Circuit, weights: np.ndarray) -> np.ndarray:
    """The sum over models, then of those with each variable true, then of those with it false.

    By plain arithmetic over the rows in float64: nothing is compiled for so small a circuit.
    """
    cases = np.repeat(weights[None], 1 + weights.size, axis=0)
    for n, (sign, variable) in enumerate(np.ndindex(2, len(weights)), start=1):
        cases[n, variable, 1 - sign] = 0
    values = [np.zeros(len(cases)), np.ones(len(cases))]
    values += [cases[:, variable, sign] for variable, sign in circuit.leaves]
    for terms in circuit.row_terms():
        values.append(np.sum([values[a] * values[b] for a, b in terms], axis=0))
    return values[circuit.root]


def _laws(semiring: Semiring, x: Any, *, rewriting: bool = True) -> dict[str, tuple[Any, Any]]:
    """Both sides of each law, for all triples of elements ``[N]``, the first of them zero and one.

    One function, so that it is compiled as one program. ``rewriting`` adds what engines compute.
    """
    add, mul = semiring.add, semiring.mul
    zero, one = parts.at(x, slice(0, 1)), parts.at(x, slice(1, 2))
    a, b, c = (
        parts.reshape(semiring, x, [-1 if n == axis else 1 for n in range(3)]) for axis in range(3)
    )
    size = parts.shape(semiring, x)
    folded_sum, folded_product = add(add(a, b), c), mul(mul(a, b), c)
    grid = parts.stack(semiring, parts.broadcast_arrays(semiring, a, b, c), 3)
    nothing = parts.at(x, slice(0, 0))
    rolled = parts.concatenate(
        semiring, [parts.at(x, slice(-1, None)), parts.at(x, slice(None, -1))]
    )
    rows = [x, rolled]
    if semiring.coordinates is not None:
        # Sizes decide what is computed in coordinates: 16 rows and columns, 16 terms each or more.
        repeated = -(-16 // max(1, size[0]))
        rows = [parts.concatenate(semiring, [row] * repeated) for row in rows] * 8
    matrix = parts.stack(semiring, rows)
    products = mul(parts.expand_dims(semiring, matrix, 1), parts.expand_dims(semiring, matrix, 0))
    laws = {
        "⊕ is associative": (folded_sum, add(a, add(b, c))),
        "⊗ is associative": (folded_product, mul(a, mul(b, c))),
        "⊕ is commutative": (add(a, b), add(b, a)),
        "⊗ is commutative": (mul(a, b), mul(b, a)),
        "⊗ distributes over ⊕": (mul(a, add(b, c)), add(mul(a, b), mul(a, c))),
        "zero is the identity of ⊕": (add(x, zero), x),
        "one is the identity of ⊗": (mul(x, one), x),
        "zero annihilates": (mul(x, zero), parts.broadcast_to(semiring, zero, size)),
        "the n-ary sum is a fold of ⊕": (semiring.sum(grid, 3), folded_sum),
        "the n-ary product is a fold of ⊗": (semiring.prod(grid, 3), folded_product),
        "the empty sum is zero": (semiring.sum(nothing, 0), parts.at(zero, 0)),
        "the empty product is one": (semiring.prod(nothing, 0), parts.at(one, 0)),
    }
    if rewriting:
        laws["a contraction is a sum of products"] = (
            einsum("ik,jk->ij", matrix, matrix, semiring=semiring),
            semiring.sum(products, 2),
        )
    return laws


def check_provenance(provenance: Provenance, elements: Any, *, rtol: float = 1e-5) -> None:
    """Checks what a `Provenance` still promises, and that it breaks a law that it names.

    Identities and annihilator of ⊕ and ⊗, commutativity, the n-ary folds, finite gradients; and, if
    ``breaks`` names distributivity, that the elements contain a witness against it.

    Args and raises as for `check_semiring`.
    """
    given = provenance.asarray(elements)
    dtype = parts.dtype(provenance, given)
    zero, one = provenance.zeros((1,), dtype), provenance.ones((1,), dtype)

    def read(x: Any) -> Any:
        return provenance.to_log(x) if provenance.to_log is not None else x

    promises = {
        "⊕ is commutative",
        "⊗ is commutative",
        "zero is the identity of ⊕",
        "one is the identity of ⊗",
        "zero annihilates",
    }
    distributivity = "⊗ distributes over ⊕"
    names: list[str] = []

    def sides(x: Any) -> list[tuple[Any, Any]]:
        laws = {
            name: sides
            for name, sides in _laws(provenance, x, rewriting=False).items()
            if name in promises or name == distributivity
        }
        names.extend(laws)
        return [(read(left), read(right)) for left, right in laws.values()]

    found = jax.jit(sides)(parts.concatenate(provenance, [zero, one, given]))
    for law, pair in zip(names, found, strict=True):
        leaves = zip(*(jax.tree.leaves(side) for side in pair), strict=True)
        equal = all(np.allclose(p, q, rtol=rtol, atol=rtol) for p, q in leaves)
        if law in promises:
            assert equal, f"provenance {provenance.name}: {law}"
        elif "distributivity" in provenance.breaks:
            assert not equal, (
                f"provenance {provenance.name} is said to break distributivity, "
                "and these elements do not show it"
            )


def _check_capabilities(semiring: Semiring, x: Any, same: Callable[[str, Any, Any], None]) -> None:
    """What a semiring declares beyond its laws, at a few elements other than zero."""
    shape = parts.shape(semiring, x)
    dtype = parts.dtype(semiring, x)
    if semiring.negate is not None:
        zeros = semiring.zeros(shape, dtype)
        same("x ⊕ negate(x) is zero", semiring.add(x, semiring.negate(x)), zeros)
    if semiring.divide is not None:
        y = parts.at(x, slice(None, None, -1))
        same("(x ⊗ y) divide y is x", semiring.divide(semiring.mul(x, y), y), x)
    if semiring.star is not None:
        star = semiring.star(x)
        finite = np.isfinite(np.float64(star))  # where the sum of the powers exists
        again = semiring.add(semiring.ones(shape, dtype), semiring.mul(x, star))
        same("star(x) = 1 ⊕ x ⊗ star(x)", np.asarray(again)[finite], np.asarray(star)[finite])


def _through(scope: Sequence[int], allowed: Sequence[tuple], mask: np.ndarray) -> np.ndarray:
    within = [row for row in allowed if all(mask[i, v] for i, v in zip(scope, row, strict=True))]
    wanted = mask.copy()
    for k, i in enumerate(scope):
        used = {row[k] for row in within}
        wanted[i] &= np.asarray([v in used for v in range(mask.shape[1])])
    return wanted if wanted.any(axis=1).all() else np.zeros_like(wanted)


def _boolean_through(mask: np.ndarray, sizes: Sequence[int], support: Any) -> list[np.ndarray]:
    weights = [row[:n] for row, n in zip(mask, sizes, strict=True)]
    supports = support(weights)
    return [w & np.asarray(s) for w, s in zip(weights, supports, strict=True)]


def _check_totals(
    constraint: Constraint,
    relation: Any,
    allowed: Sequence[tuple],
    semiring: Semiring,
    rng: np.random.Generator,
) -> None:
    given: list[np.ndarray]
    if semiring.dtype == "float":
        given = [np.log(rng.uniform(0.05, 1, n)).astype(np.float32) for n in relation.sizes]
    else:
        given = [rng.integers(0, 4, n).astype(np.int32) for n in relation.sizes]
    rows = np.asarray(allowed, np.int64).reshape(len(allowed), len(given))

    # One program: the many small operations would be compiled one by one otherwise.
    @jax.jit
    def read_and_enumerate(given: list[jax.Array]) -> tuple[Any, Any]:
        weights = given
        if semiring.dtype == "float":
            assert semiring.from_log is not None
            weights = [semiring.from_log(x) for x in given]
        columns = jnp.stack([w[rows[:, k]] for k, w in enumerate(weights)], 1)
        supports = []
        for k, size in enumerate(relation.sizes):
            others = semiring.prod(jnp.delete(columns, k, 1), 1)
            within = jnp.asarray(rows[:, k] == np.arange(size)[:, None])
            counted = jnp.where(within, others, jnp.asarray(semiring.zero, others.dtype))
            supports.append(semiring.sum(counted, 1))
        enumerated = semiring.sum(semiring.prod(columns, 1), 0), supports
        read = relation.total(semiring, weights), relation.support(semiring, weights)
        return read, enumerated

    (found, found_supports), (total, supports) = read_and_enumerate(given)
    message = f"{constraint!r} in {semiring.name}: "
    np.testing.assert_allclose(found, total, rtol=1e-4, atol=1e-5, err_msg=message + "total")
    for x, y in zip(found_supports, supports, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-4, atol=1e-5, err_msg=message + "support")


def _check_gradients(semiring: Semiring, elements: np.ndarray) -> None:
    with jax.enable_x64(True):
        x = jnp.asarray(elements, jnp.float64)
        step = 1e-6
        for name, function in (("sum", semiring.sum), ("prod", semiring.prod)):

            def reduce(x: jax.Array, function: Any = function) -> jax.Array:
                return function(x, 0)

            # One program, for all sides of the differences.
            @jax.jit
            def read(x: jax.Array, reduce: Any = reduce) -> tuple[jax.Array, ...]:
                moved = step * jnp.eye(len(x), dtype=x.dtype)
                ahead, behind = reduce(x[:, None] + moved), reduce(x[:, None] - moved)
                zeros = semiring.zeros((3,), x.dtype)
                differences = (ahead - behind) / (2 * step)
                return jax.grad(reduce)(zeros), jax.grad(reduce)(x), differences

            at_zero, gradient, differences = read(x)
            assert bool(np.isfinite(at_zero).all()), (
                f"semiring {semiring.name}: the gradient of {name} is {at_zero} at zero"
            )
            np.testing.assert_allclose(
                gradient,
                differences,
                rtol=1e-4,
                atol=1e-6,
                err_msg=f"semiring {semiring.name}: the gradient of {name} at {elements}",
            )
