"""The contract of a task is checked before the first step, in the contract's words."""

import blobs_task
import jax.numpy as jnp
import numpy as np
import pytest

from neurosym.training import Options, SilentProgress, Split, train


class Unreached(SilentProgress):
    """Fails when a step was made."""

    def update(self, step, figures):
        raise AssertionError("a step was made")


def refused(tmp_path, message, *, epochs=1, judge_test=True, **members):
    """Trains a task with other members, which must be refused before the first step."""
    config = blobs_task.get_config()
    config.train.epochs = epochs
    task = type("Wrong", (blobs_task.Blobs,), members)(config)
    options = Options(progress=Unreached(), judge_test=judge_test)
    with pytest.raises(ValueError, match=message):
        train(config, tmp_path / "run", task=task, options=options)
    assert not (tmp_path / "run").exists()


def evaluating(value):
    """A task's evaluate that returns `value` of the labels."""
    return lambda self, model, batch: value(batch[1])


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            lambda y: {"accuracy": y.mean()},
            r"'accuracy' .* each of the 16 examples, got shape \(\)",
        ),
        (lambda y: {"accuracy": y[:, None]}, r"of the 16 examples, got shape \(16, 1\)"),
        (lambda y: {"accuracy": None}, r"of the 16 examples, got None"),
        (lambda y: {"accuracy": "high"}, r"of the 16 examples, got 'high'"),
        (lambda y: {}, "evaluate returns no metric"),
        (lambda y: y, r"evaluate must return metrics by name.*got shape \(16,\)"),
        (lambda y: None, r"evaluate must return metrics by name.*got None"),
        (lambda y: {"acuracy": y}, "metric is 'accuracy', but its evaluate returns acuracy"),
        (lambda y: {"accuracy": y, "seconds": y}, "returns seconds; that name is the loop's"),
        (lambda y: {"accuracy": y * 1j}, r"of the 16 examples, got shape \(16,\) of complex64"),
    ],
)
def test_what_evaluate_returns(tmp_path, value, message):
    refused(tmp_path, message, evaluate=evaluating(value))


def losing(value):
    """A task's loss that returns `value` of the logits."""

    def loss(self, model, batch, *, key, step):
        return value(model(batch[0]))

    return loss


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda x: x.mean(), r"return the loss and a dictionary of metrics .*, got shape \(\)"),
        (lambda x: (x.mean(), {}, 1), "and a dictionary of metrics .*, got a tuple of 3"),
        (lambda x: None, "and a dictionary of metrics .*, got None"),
        (lambda x: (x, {}), r"loss must be a scalar, got shape \(16, 3\)"),
        (lambda x: ("low", {}), "loss must be a scalar, got 'low'"),
        (lambda x: (x.argmax(), {}), r"must be a floating-point number, got shape \(\) of int32"),
        (lambda x: (x.mean(), [1]), "loss must return metrics by name.*got list"),
        (lambda x: (x.mean(), {"a": x}), r"'a' of the task's loss must be a scalar, got shape"),
        (lambda x: (x.mean(), {"a": "x"}), "'a' of the task's loss must be a scalar, got 'x'"),
        (lambda x: (x.mean(), {"step": x.mean()}), "'step'; that name is the loop's"),
    ],
)
def test_what_loss_returns(tmp_path, value, message):
    refused(tmp_path, message, loss=losing(value))


def splitting(name, value):
    """A task's split whose split `name` is `value`."""

    def split(self, asked):
        return value if asked == name else blobs_task.Blobs.split(self, asked)

    return split


EMPTY = Split({"index": jnp.arange(0), "label": jnp.arange(0)}, jnp.zeros((0, 2)))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("train", EMPTY, "the train split of Wrong is empty"),
        ("test", EMPTY, "the test split of Wrong is empty; only that of validation may be"),
        ("train", (np.zeros(3), np.zeros(3)), r"split\('train'\) must return a .*Split, got tuple"),
        ("validation", None, r"split\('validation'\) must return a .*Split, got NoneType"),
        ("test", {}, r"split\('test'\) must return a .*Split, got dict"),
    ],
)
def test_what_split_returns(tmp_path, name, value, message):
    refused(tmp_path, message, split=splitting(name, value))


def test_the_examples_of_a_split_are_arrays():
    with pytest.raises(ValueError, match=r"holds arrays, and examples\['label'\]\[0\] is int"):
        Split({"label": [1, 2]})


@pytest.mark.parametrize("model", [None, {"w": 1}, lambda x: x])
def test_what_model_returns(tmp_path, model):
    message = rf"Wrong\.model must return a flax\.nnx\.Module, got {type(model).__name__}"
    refused(tmp_path, message, model=lambda self, rngs: model)


@pytest.mark.parametrize(
    ("member", "function", "message"),
    [
        (
            "loss",
            lambda self, model, batch: None,
            r"loss must take \(model, batch, \*, key, step\)",
        ),
        ("evaluate", lambda self, model: None, r"evaluate must take \(model, batch\), and takes"),
        ("summarise", lambda self, model: {}, r"summarise must take \(model, name\)"),
        ("pictures", lambda self, model: [], r"pictures must take \(model, workdir\)"),
        ("split", lambda self: None, r"split must take \(name\)"),
    ],
)
def test_what_methods_take(tmp_path, member, function, message):
    refused(tmp_path, message, **{member: function})


@pytest.mark.parametrize("judge_test", [True, False])
def test_without_validation_evaluate_is_checked_on_the_shapes_of_test(tmp_path, judge_test):
    config = blobs_task.get_config()
    config.data.validation, config.train.epochs = 0, 1

    class Wrong(blobs_task.Blobs):
        def evaluate(self, model, batch):
            return {}

    options = Options(judge_test=judge_test)
    if judge_test:
        with pytest.raises(ValueError, match="evaluate returns no metric"):
            train(config, tmp_path, task=Wrong(config), options=options)
    else:  # nobody ever calls it
        assert train(config, tmp_path, task=Wrong(config), options=options).steps == 12


@pytest.mark.parametrize(
    ("summary", "message"),
    [
        (None, "summarise must return metrics by name.*got None"),
        ({"a": "x"}, "'a' of the task's summarise must be a number, got 'x'"),
        ({"a": np.zeros(2)}, r"'a' of the task's summarise must be a number, got shape \(2,\)"),
    ],
)
def test_what_summarise_returns_is_said_in_its_words_and_nothing_is_lost(
    tmp_path, summary, message
):
    config = blobs_task.get_config()
    config.train.epochs = 1
    wrong = type("Wrong", (blobs_task.Blobs,), {"summarise": lambda self, model, name: summary})
    with pytest.raises(ValueError, match=message):
        train(config, tmp_path, task=wrong(config))
    said = []
    progress = type("Heard", (SilentProgress,), {"say": lambda self, m: said.append(m)})()
    train(config, tmp_path, task=blobs_task.Blobs(config), options=Options(progress=progress))
    assert said == ["resuming from step 12"]
