"""What a worker says when nothing can run."""

import pytest

from neurosym.cli.sweep_worker import refusal
from neurosym.training.blame import blamed


class Task:
    pass


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("config.data.noise must be positive"), "config.data.noise must be positive"),
        (ValueError("boom"), "ValueError: boom, in Task.__init__ ("),
        (RuntimeError("boom"), "RuntimeError: boom, in Task.__init__ ("),
    ],
)
def test_an_error_of_the_task_is_told_with_its_place(error, said):
    def fail():
        raise error

    with pytest.raises(type(error)) as raised, blamed(Task, "__init__"):
        fail()
    assert refusal(raised.value).startswith(said)


def test_our_own_errors_are_told_as_they_are():
    assert refusal(ValueError("there is no module")) == "there is no module"
    assert refusal(KeyError("x")) == "KeyError: 'x'"
