"""`ns.torch.reasoning`: answers and gradients of JAX in PyTorch, impossible inputs, bad inputs."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import neurosym as ns

try:
    import torch
except ModuleNotFoundError:
    torch = None

needs_torch = pytest.mark.skipif(torch is None, reason="PyTorch is not installed")


@pytest.fixture(scope="module")
def addition():
    problem = ns.Problem()
    a, b = problem.variables("digit", shape=2, domain=range(4))
    total = problem.variable("total", domain=range(7))
    problem.add(a + b == total)
    return problem.compile(), total


def log_weights(shape=(5, 2, 4)):
    logits = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    return np.array(jax.nn.log_softmax(logits))


@needs_torch
def test_answers_and_gradients_are_those_of_jax(addition):
    network, total = addition
    layer = ns.torch.reasoning(network, target=total)
    given = log_weights()
    aim = np.array([0, 1, 3, 6, 2])
    tensor = torch.tensor(given, requires_grad=True)
    answers = layer(tensor)
    loss = torch.nn.functional.nll_loss(answers, torch.tensor(aim))
    loss.backward()
    for example, (a, b) in enumerate(np.exp(given.astype(np.float64))):
        sums = np.convolve(a, b)
        np.testing.assert_allclose(answers[example].detach().exp(), sums, rtol=1e-5)
    answerer = ns.reasoning.make_answerer(network, total)

    def of_jax(x):
        return -jnp.take_along_axis(answerer(x), aim[:, None], 1).mean()

    value, gradient = jax.value_and_grad(of_jax)(given)
    np.testing.assert_allclose(loss.item(), value, atol=1e-6)
    np.testing.assert_allclose(tensor.grad, gradient, atol=1e-6)


@needs_torch
def test_impossible_and_transposed_weights(addition):
    network, total = addition
    layer = ns.torch.reasoning(network, target=total)
    given = log_weights()
    given[1, 0] = -np.inf  # no value is left
    given[2, 1, 1:] = -np.inf
    turned = torch.tensor(np.ascontiguousarray(given.transpose(2, 1, 0)), requires_grad=True)
    answers = layer(turned.permute(2, 1, 0))
    np.testing.assert_array_equal(
        answers.detach(), ns.reasoning.make_answerer(network, total)(given)
    )
    answers[answers > -np.inf].sum().backward()
    assert torch.isfinite(turned.grad).all()


@needs_torch
def test_an_encoder_trains_through_it(addition):
    network, total = addition
    torch.manual_seed(0)
    digits = torch.randint(4, (5, 2))
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 4), torch.nn.LogSoftmax(-1), ns.torch.reasoning(network, target=total)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        images = torch.nn.functional.one_hot(digits, 4).float()
        loss = torch.nn.functional.nll_loss(model(images), digits.sum(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert "infers: 'total' from 2 inputs" in repr(model)


@needs_torch
@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (lambda: np.zeros((5, 2, 4), np.float32), "are a torch.Tensor, not ndarray"),
        (lambda: torch.zeros(5, 2, 4, dtype=torch.float64), r"torch\.float32, not torch\.float64"),
        (lambda: torch.zeros(5, 3, 4), r"weights have shape \[\.\.\., 2, 4\]"),
        (lambda: torch.zeros(5, 2, 4, device="meta"), "the tensor is on meta"),
    ],
)
def test_weights_of_another_form_are_refused(addition, weights, message):
    network, total = addition
    layer = ns.torch.reasoning(network, target=total)
    with pytest.raises(ValueError, match=message):
        layer(weights())


@needs_torch
def test_a_penalty_of_gradients_has_the_gradient_of_jax(addition):
    network, total = addition
    tensor = torch.tensor(log_weights(), requires_grad=True)
    answers = ns.torch.reasoning(network, target=total)(tensor)
    (first,) = torch.autograd.grad(answers[:, 3].sum(), tensor, create_graph=True)
    first.square().sum().backward()
    answerer = ns.reasoning.make_answerer(network, total)
    inner = jax.grad(lambda x: answerer(x)[:, 3].sum())
    second = jax.jit(jax.grad(lambda x: (inner(x) ** 2).sum()))(log_weights())
    assert np.abs(second).max() > 0.01
    np.testing.assert_allclose(tensor.grad, second, atol=1e-6)


def test_without_pytorch_it_says_what_to_install(addition, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match="pip install torch"):
        ns.torch.reasoning(addition[0], target=addition[1])
