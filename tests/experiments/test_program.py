"""Programs as tasks: the same loss and gradient as the Problem, any data set, what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from experiments.digit_addition import DigitAddition
from experiments.program import ProgramTask
from neurosym.cli.configs import load_config


def config_of(name, **changes):
    config = load_config(name)
    with config.unlocked():
        config.encoder = {"name": "mlp", "hidden": (8,)}
        config.update_from_flattened_dict(changes)
    return config


def graded(task, model, batch):
    graph, state = nnx.split(model)

    def loss(state):
        return task.loss(nnx.merge(graph, state), batch, key=jax.random.key(0), step=0)[0]

    return jax.jit(jax.value_and_grad(loss))(state)


@pytest.mark.parametrize("digits", [1, 2])
def test_addition_has_the_loss_and_gradient_of_the_problem(digits):
    variant = "addition" if digits == 1 else "addition2"
    program = ProgramTask(config_of(f"configs/program.py:{variant}"))
    problem = DigitAddition(config_of(f"configs/digits_addition.py:n{digits}"))
    for name in ("train", "validation", "test"):
        ours, theirs = program.split(name), problem.split(name)
        index = np.asarray(theirs.examples["index"]).reshape(theirs.size, -1)
        np.testing.assert_array_equal(ours.examples["index"], index)
        np.testing.assert_array_equal(ours.examples["answer"], theirs.examples["total"])
    own, split = program.model(nnx.Rngs(0)), program.split("train")
    (encoder,) = own.encoders.values()
    first = jax.tree.map(lambda x: x[:16], split.examples)
    value, gradient = graded(program, own, program.batch(first, split.shared))
    split = problem.split("train")
    first = jax.tree.map(lambda x: x[:16], split.examples)
    expected, reference = graded(problem, encoder, problem.batch(first, split.shared))
    assert value == pytest.approx(float(expected), rel=1e-5)
    pairs = zip(jax.tree.leaves(gradient), jax.tree.leaves(reference), strict=True)
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_a_question_of_one_atom_learns_from_yes_and_no():
    task = ProgramTask(config_of("configs/program.py:larger"))
    split = task.split("train")
    values, answer = (np.asarray(split.examples[x]) for x in ("values", "answer"))
    np.testing.assert_array_equal(answer == 0, values[:, 0] > values[:, 1])
    beliefs = {"digit_net": jnp.where(jnp.arange(10) == values[:4, :, None], 0.0, -40.0)}
    found = task.answer(beliefs, {})
    np.testing.assert_array_equal(found["answer"], answer[:4])
    np.testing.assert_allclose(np.exp(found["log_probability"]).sum(1), 1, atol=1e-6)
    gradient = jax.grad(lambda x: task.answer({"digit_net": x}, {})["log_probability"][:, 1].sum())(
        beliefs["digit_net"]
    )
    assert jnp.isfinite(gradient).all()


PROGRAM = r"""
nn(colour, [X], Y, [red, green]) :: colour(X, Y).
nn(big, [X]) :: big(X).
t(0.5) :: shown.
pick(X, Y, Z) :- shown, colour(X, Z), big(Y).
pick(X, Y, none) :- \+ shown.
pick(X, Y, none) :- shown, \+ big(Y).
"""


def test_any_program_with_arrays_of_a_file(tmp_path):
    """Two networks, vectors as inputs, a learnable probability; a few steps lower the loss."""
    chance = np.random.default_rng(0)
    arrays = {}
    for name in ("train", "test"):
        colour, big, shown = (chance.random(60) < p for p in (0.5, 0.5, 0.8))
        arrays[f"{name}_colour"] = np.where(colour, 1.0, -1.0)[:, None, None] * np.ones(3)
        arrays[f"{name}_big"] = np.where(big, 1.0, -1.0)[:, None, None] * np.ones(2)
        seen = np.where(big & shown, np.where(colour, "red", "green"), "none")
        arrays[f"{name}_answer"] = np.asarray([f"pick(x, y, {own})" for own in seen])
    np.savez(tmp_path / "data.npz", **arrays)
    (tmp_path / "pick.pl").write_text(PROGRAM)
    config = config_of(
        "configs/program.py",
        **{
            "program.file": str(tmp_path / "pick.pl"),
            "program.query": "pick(x, y, Z)",
            "data.dataset": str(tmp_path / "data.npz"),
        },
    )
    task = ProgramTask(config)
    assert task.split("validation").size == 0
    split, model = task.split("train"), task.model(nnx.Rngs(0))
    graph, state = nnx.split(model)
    batch = task.batch(split.examples, split.shared)

    @jax.jit
    def steps(state):
        def loss(state):
            return task.loss(nnx.merge(graph, state), batch, key=jax.random.key(0), step=0)[0]

        def one(state, _):
            value, gradient = jax.value_and_grad(loss)(state)
            return jax.tree.map(lambda x, g: x - 0.3 * g, state, gradient), value

        return jax.lax.scan(one, state, length=300)

    state, values = steps(state)
    learned = nnx.merge(graph, state)
    assert values[-1] < 0.6 * values[0]
    big = arrays["train_big"][:, 0, 0] > 0
    frequency = np.mean([not text.endswith("none)") for text in arrays["train_answer"][big]])
    (logits,) = learned.logits.values()
    assert jax.nn.softmax(logits[...])[0] == pytest.approx(frequency, abs=0.03)

    arrays["train_answer"][0] = "pick(x, y, blue)"
    np.savez(tmp_path / "data.npz", **arrays)
    with pytest.raises(ValueError, match=r"blue.*not an answer"):
        ProgramTask(config).split("train")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("program.file", "nowhere.pl", "no file 'nowhere.pl'"),
        ("program.query", "adition(a, b, Z)", "addition"),
        ("program.query", "number([], 0, 0)", "asks no network"),
        ("data.dataset", "cifar", "no file 'cifar'"),
    ],
)
def test_what_is_refused(field, value, message):
    with pytest.raises(ValueError, match=message):
        ProgramTask(config_of("configs/program.py", **{field: value})).split("train")
