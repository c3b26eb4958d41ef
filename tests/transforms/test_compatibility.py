"""What is used of JAX beyond its promise stands in one file; and that file's functions."""

import ast
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from neurosym.transforms import compatibility

ROOT = Path(__file__).parent.parent.parent

NOT_PROMISED = (
    "jax._src",
    "jax.config.values",
    "jax.config.read",
    "jax.core",
    "jax.custom_batching",
    "jax.experimental",
    "jax.extend",
    "jax.interpreters",
    "jax.lib",
    "jaxlib",
)
PARTS_OF_A_JAXPR = ("jaxpr", "eqns", "invars", "outvars")

# By file, and what is documented after all.
ALLOWED = {
    "transforms/compatibility.py": (*NOT_PROMISED, *PARTS_OF_A_JAXPR),
    # There is no other way to tell something to other processes.
    "training/devices.py": ("jax.experimental.multihost_utils",),
}
EVERYWHERE = ("jax.core.Tracer", "jaxlib.__version__")


def names(source):
    """Every dotted name that a source imports or reads, and the parts of a jaxpr that it reads."""
    tree = ast.parse(source)
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            if node.attr in PARTS_OF_A_JAXPR:
                yield node.attr
            if id(node) not in inner:
                yield ast.unparse(node)


def within(name, prefixes):
    return any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes)


def beyond(source, allowed=()):
    found = {name for name in names(source) if within(name, (*NOT_PROMISED, *PARTS_OF_A_JAXPR))}
    return sorted(name for name in found if not within(name, (*EVERYWHERE, *allowed)))


@pytest.mark.parametrize(
    "source",
    [
        "from jax.extend.core import Primitive",
        "from jax.interpreters import ad",
        "import jax._src.core",
        "jax.core.eval_jaxpr(f, x)",
        "jax.make_jaxpr(f)(x).jaxpr",
        "from jax.custom_batching import custom_vmap",
        "from jax import core",
        "jax.lib.xla_bridge.get_backend()",
    ],
)
def test_the_reader_of_sources_sees_it(source):
    assert beyond(source)


@pytest.mark.parametrize("source", ["isinstance(x, jax.core.Tracer)", "jax.lax.scan(f, x, y)"])
def test_the_reader_of_sources_lets_pass_what_is_promised(source):
    assert not beyond(source)


def test_only_one_file_goes_beyond_what_jax_promises():
    found = {}
    for folder in ("neurosym", "experiments", "configs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = path.relative_to(ROOT / folder).as_posix()
            if used := beyond(path.read_text(), ALLOWED.get(name, ())):
                found[name] = used
    assert not found


def test_a_computation_takes_anew_what_the_function_closes_over():
    factor = jnp.arange(3.0)
    run, constants, shape = compatibility.computation_of(
        lambda pair: factor * pair["a"] + pair["b"], {"a": jnp.ones(3), "b": jnp.zeros(3)}
    )
    assert (shape.shape, len(constants), run.constants) == ((3,), 1, 1)
    (found,) = run([10 * constants[0]], jnp.full(3, 2.0), jnp.ones(3))
    assert found.tolist() == [1.0, 21.0, 41.0]


def test_which_results_depend_on_the_arguments():
    def several(x, y):
        return x + 1, jnp.ones(2), {"a": jnp.sin(y).sum()}, 3.0

    given = jax.ShapeDtypeStruct((2,), jnp.float32)
    assert compatibility.depends(several, given, given) == (True, False, True, False)
