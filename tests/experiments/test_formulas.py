"""What formulas are worth: the state machine, its circuit and the text of a parse."""

import itertools
from fractions import Fraction

import jax.numpy as jnp
import numpy as np

import neurosym as ns
from experiments._formulas import answer, formula_circuit, parse_text, step


def test_the_circuit_values_formulas_as_the_grammar_does():
    circuit = formula_circuit(5)
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(5, 10))
    logits[1::2, 4:] = -np.inf
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    wanted: dict[tuple[int, Fraction], float] = {}
    for length in (1, 3, 5):
        slots = [range(10, 14) if slot % 2 else range(10) for slot in range(length)]
        for symbols in itertools.product(*slots):
            value = ns.datasets.formula_value(symbols)
            if value is not None:
                own = [p[slot, symbol % 10] for slot, symbol in enumerate(symbols)]
                wanted[length, value] = wanted.get((length, value), 0) + np.prod(own)
    found = np.exp(circuit.query(jnp.log(jnp.asarray(p, jnp.float32))))
    assert set(circuit.answers) == set(wanted)
    np.testing.assert_allclose(found, [wanted[a] for a in circuit.answers], rtol=1e-3, atol=1e-8)


def test_states_with_the_same_future_are_the_same_state():
    def read(text):
        state = None
        for position, symbol in enumerate(text.split()):
            state = step(state, position, symbol)
        return state

    assert read("2 × 3 +") == read("6 +") == read("1 + 5 +")
    assert read("2 × 3") == read("6 × 1") != read("1 + 5")
    assert read("3 ÷ 0") is None
    assert answer(read("1 - 5 ÷ 2"), 5) == (5, Fraction(-3, 2))
    assert answer(read("1 -"), 2) is None


def test_parses():
    assert parse_text([2, 10, 3, 12, 4]) == "2 + (3 × 4)"
    assert parse_text([2, 12, 3, 13, 4]) == "2 × 3 ÷ 4"
    assert parse_text([8, 13, 4, 11, 3, 10, 1]) == "(8 ÷ 4) - 3 + 1"
    assert parse_text([7]) == "7"
