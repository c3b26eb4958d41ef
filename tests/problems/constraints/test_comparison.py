"""Signs of comparisons."""

import pytest

import neurosym as ns


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        (lambda x, y: ns.Linear((x, y), (1, 1), "=<", 3), "a linear constraint"),
        (lambda x, y: ns.Count((x, y), {1}, "=<", 1), "a count"),
        (lambda x, y: ns.NValue((x, y), "=<", 1), "a number of values"),
    ],
)
def test_an_unknown_sign_is_refused_with_the_known_ones(kind, what):
    x, y = ns.Problem().variables("x", shape=2, domain=range(3))
    with pytest.raises(ValueError, match=f"{what} has no relation '=<'; use == != < <= > >="):
        kind(x, y)
