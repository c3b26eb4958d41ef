"""Hard domains of beliefs: the rules, and what happens where nothing is left."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.bridge import make_rule, restored_share, sampled, to_domains, top_k, within

INFINITY = np.inf


def plain(logits, kept, evidence):
    """The definition, one variable at a time: mask and restored."""
    mask, restored = np.zeros(kept.shape, bool), np.zeros(kept.shape[:-1], bool)
    for place in np.ndindex(*kept.shape[:-1]):
        left = [k and e for k, e in zip(kept[place], evidence[place], strict=True)]
        restored[place] = not any(left) and any(evidence[place])
        mask[place] = left if any(left) else evidence[place]
    return mask, restored


def kept_by(rule, logits):
    """The definitions of the rules that do not sample."""
    name, value = rule
    kept = np.zeros(logits.shape, bool)
    for place in np.ndindex(*logits.shape[:-1]):
        row = logits[place]
        order = sorted(range(len(row)), key=lambda v: (-row[v], v))
        for rank, v in enumerate(order):
            near = row[v] >= max(row) - value if name == "within" else rank < value
            kept[(*place, v)] = near and row[v] > -INFINITY
    return kept


@pytest.mark.parametrize("rule", [("within", 0.0), ("within", 1.2), ("top_k", 1), ("top_k", 3)])
@pytest.mark.parametrize("size", [5, 70])
def test_domains_are_those_of_the_definition(rule, size):
    generator = np.random.default_rng(size)
    # Few different logits, so that there are ties; some are impossible.
    logits = generator.integers(-3, 3, (6, 4, size)).astype(np.float32)
    logits[generator.random(logits.shape) < 0.2] = -INFINITY
    evidence = generator.random(logits.shape) < (0.3 if size == 5 else 0.05)
    evidence[0, 0] = False
    made = make_rule(rule[0], **{"tau" if rule[0] == "within" else "k": rule[1]})

    domains, restored = jax.jit(lambda x, e: to_domains(x, made, evidence=e))(logits, evidence)
    expected_mask, expected_restored = plain(logits, kept_by(rule, logits), evidence)
    np.testing.assert_array_equal(domains.mask, expected_mask)
    np.testing.assert_array_equal(restored, expected_restored)
    assert expected_restored.any()
    assert not restored[0, 0]
    assert not np.asarray(domains.mask)[0, 0].any()
    assert not (np.asarray(domains.mask) & ~evidence).any()

    mapped, _ = jax.vmap(lambda x, e: to_domains(x, made, evidence=e))(logits, evidence)
    np.testing.assert_array_equal(mapped.mask, expected_mask)


def test_without_evidence_all_finite_logits_are_allowed():
    logits = jnp.array([[1.0, 0.0, -INFINITY], [-INFINITY] * 3])
    domains, restored = to_domains(logits, top_k(3))
    np.testing.assert_array_equal(domains.mask, [[True, True, False], [False] * 3])
    np.testing.assert_array_equal(restored, [False, False])


def test_samples_are_of_the_softmax():
    logits = jnp.array([[0.0, 1.0, -1.0, -INFINITY]])
    probabilities = np.asarray(jax.nn.softmax(logits[0] / 2))
    keys = jax.random.split(jax.random.key(0), 20_000)
    for samples in (1, 3):
        rule = sampled(2.0, samples)
        kept = jax.jit(jax.vmap(lambda key, rule=rule: to_domains(logits, rule, key=key)))(keys)
        masks = np.asarray(kept.domains.mask)[:, 0]
        expected = 1 - (1 - probabilities) ** samples
        np.testing.assert_allclose(masks.mean(axis=0), expected, atol=0.015)
        assert masks.sum(axis=-1).min() >= 1
        assert masks.sum(axis=-1).max() == min(samples, 3)
        assert not masks[:, 3].any()


def test_a_variable_of_nothing_but_padding_is_empty_under_every_rule():
    logits = jnp.full((1, 3), -INFINITY)
    for rule in (sampled(), within(1.0), top_k(2)):
        domains, restored = to_domains(logits, rule, key=jax.random.key(0))
        assert not domains.mask.any()
        assert not restored.any()


def test_beliefs_that_are_nan_restore_the_evidence():
    evidence = jnp.array([[True, False, True]])
    domains, restored = to_domains(jnp.full((1, 3), jnp.nan), within(1.0), evidence=evidence)
    np.testing.assert_array_equal(domains.mask, evidence)
    assert restored.all()


def test_the_share_counts_instances():
    restored = jnp.array([[True, True], [False, False], [False, True], [False, False]])
    assert float(restored_share(restored)) == 0.5
    assert float(restored_share(restored[1])) == 0.0


def test_rules_are_values():
    assert within(1.0) == within(1.0)
    assert hash(top_k(2)) == hash(top_k(2))
    assert sampled(1.0, 2) != sampled(1.0, 3)
    assert make_rule("sampled", samples=2) == sampled(samples=2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: within(-1.0), "tau must be at least 0"),
        (lambda: top_k(0), "k must be at least 1"),
        (lambda: sampled(0.0), "temperature must be above 0"),
        (lambda: sampled(1.0, 0), "samples must be at least 1"),
        (lambda: make_rule("near"), "unknown rule 'near'; there are sampled, top_k, within"),
        (lambda: make_rule("within"), "'within' needs tau"),
        (lambda: make_rule("top_k", tau=1), "'top_k' has no option tau; it takes k"),
        (lambda: to_domains(jnp.zeros((3,)), top_k(1)), r"floats \[\.\.\., V, D\]"),
        (lambda: to_domains(jnp.zeros((2, 3), int), top_k(1)), r"floats \[\.\.\., V, D\]"),
        (lambda: to_domains(jnp.zeros((2, 3)), sampled()), "needs a key"),
        (
            lambda: to_domains(jnp.zeros((2, 3)), top_k(1), evidence=jnp.ones((2, 4), bool)),
            "must be bool of that shape",
        ),
        (
            lambda: to_domains(jnp.zeros((2, 3)), top_k(1), evidence=jnp.ones((2, 3))),
            "must be bool",
        ),
    ],
)
def test_bad_input_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("name", ["domains", "factory", "schedule", "log_weights"])
def test_examples_in_the_documentation_run(name):
    module = importlib.import_module(f"neurosym.bridge.{name}")
    result = doctest.testmod(module, extraglobs={"jnp": jnp})
    assert result.attempted > 0
    assert result.failed == 0
