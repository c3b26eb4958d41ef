"""Programs that compile quickly where they are a whole program, and join a caller's otherwise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.transforms import quick
from neurosym.transforms.quick import quick_jit, quickly_compiled

_COMPILED: list[str] = []


def _note(event: str, *_: object, **__: object) -> None:
    if event.endswith("/backend_compile_duration"):
        _COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_note)


@quickly_compiled(static_argnums=0)
def power(exponent: int, x: jax.Array) -> jax.Array:
    """``x ** exponent``, elementwise."""
    return x**exponent


X = np.arange(5, dtype=np.float32)

TRANSFORMED = {
    "jit": (jax.jit(lambda x: power(3, x)), X**3),
    "vmap": (jax.vmap(lambda x: power(3, x)), X**3),
    "grad": (jax.grad(lambda x: jnp.sum(power(3, x))), 3 * X**2),
    "jit of grad": (jax.jit(jax.grad(lambda x: jnp.sum(power(3, x)))), 3 * X**2),
    "forward": (lambda x: jax.jvp(lambda x: power(3, x), (x,), (np.ones_like(x),))[1], 3 * X**2),
    "second": (jax.vmap(jax.grad(jax.grad(lambda x: power(3, x)))), 6 * X),
    "jit, of what is not traced": (jax.jit(lambda x: x + power(3, X)), X + X**3),
}


@pytest.mark.parametrize("name", TRANSFORMED)
def test_it_joins_the_program_of_a_caller(name):
    function, expected = TRANSFORMED[name]
    np.testing.assert_allclose(function(X), expected, rtol=1e-6)


def test_alone_it_is_one_program_for_each_static_argument():
    for exponent in (5, 6):
        before = len(_COMPILED)
        np.testing.assert_allclose(power(exponent, X), X**exponent, rtol=1e-6)
        assert len(_COMPILED) - before == 1
        np.testing.assert_allclose(power(exponent, X + 1), (X + 1) ** exponent, rtol=1e-6)
        assert len(_COMPILED) - before == 1


def test_what_is_shape_only_compiles_nothing():
    before = len(_COMPILED)
    assert jax.eval_shape(lambda x: power(7, x), X).shape == (5,)
    assert len(_COMPILED) == before


def test_options_reach_the_compiler(monkeypatch):
    # Also where jaxlib leaves no choice: what is tested is that the options arrive.
    monkeypatch.setattr(quick, "HAS_A_CHOICE_OF_EMITTERS", True)
    monkeypatch.setattr(quick, "_WITHOUT_EMITTERS", {"xla_of_no_such_name": False})
    function = quick.quickly_compiled()(lambda x: x + 1)
    if jax.default_backend() != "cpu":
        pytest.skip("options are for the compiler of CPUs")
    with pytest.raises(jax.errors.JaxRuntimeError, match="xla_of_no_such_name"):
        function(X)
    np.testing.assert_allclose(jax.jit(function)(X), X + 1)


def test_it_is_chosen_by_the_arguments(monkeypatch):
    monkeypatch.setattr(quick, "HAS_A_CHOICE_OF_EMITTERS", True)
    monkeypatch.setattr(quick, "_WITHOUT_EMITTERS", {"xla_of_no_such_name": False})
    function = quick.quickly_compiled(when=lambda x: x.size < 5)(lambda x: x + 1)
    np.testing.assert_allclose(function(X), X + 1)
    if jax.default_backend() == "cpu":
        with pytest.raises(jax.errors.JaxRuntimeError, match="xla_of_no_such_name"):
            function(X[1:])


def test_a_quick_jit_leaves_out_what_takes_long_and_answers_the_same(monkeypatch):
    def function(x, *, power):
        return jax.numpy.sin(x) ** power

    x = np.linspace(-1, 1, 7, dtype=np.float32)
    quick = quick_jit(function, static_argnames="power")
    np.testing.assert_allclose(quick(x, power=2), np.sin(x) ** 2, rtol=1e-5)
    seen = []
    monkeypatch.setattr(jax, "jit", lambda function, **options: seen.append(options))
    for device in ("cpu", "gpu"):
        monkeypatch.setattr(jax, "default_backend", lambda device=device: device)
        quick_jit(function, static_argnames="power")
    assert seen[0]["compiler_options"]["xla_backend_optimization_level"] == 0
    assert seen[1]["compiler_options"] is None
    assert all(options["static_argnames"] == "power" for options in seen)
