"""Multi-digit addition with carries, and its marginals by forward-backward in NumPy."""

import numpy as np

import neurosym as ns


def addition(digits):
    """Least significant digits first: ``a_k + b_k + c_k == s_k + 10 c_{k+1}``."""
    problem = ns.Problem()
    a = problem.variables("a", shape=digits, domain=range(10))
    b = problem.variables("b", shape=digits, domain=range(10))
    s = problem.variables("s", shape=digits, domain=range(10))
    c = problem.variables("c", shape=digits + 1, domain=range(2))
    problem.add(c[0] == 0)
    for k in range(digits):
        problem.add(a[k] + b[k] + c[k] == s[k] + 10 * c[k + 1])
    return problem.compile()


def addition_marginals(weights, digits):
    """Log total and marginals ``[V, D]`` of log-weights, in float64."""
    w = np.exp(np.asarray(weights, np.float64))
    a, b, s, c = w[:digits], w[digits : 2 * digits], w[2 * digits : 3 * digits], w[3 * digits :]
    grid = np.indices((10, 10, 10, 2, 2))
    holds = grid[0] + grid[1] + grid[3] == grid[2] + 10 * grid[4]
    joint = [
        np.einsum("abscd,a,b,s->abscd", holds, a[k], b[k], s[k], optimize=True)
        for k in range(digits)
    ]
    forward, log = [c[0, :2] * [1, 0]], 0.0
    for k in range(digits):
        step = np.einsum("c,abscd->d", forward[-1], joint[k]) * c[k + 1, :2]
        log += np.log(step.sum())
        forward.append(step / step.sum())
    backward = [np.ones(2)]
    for k in reversed(range(digits)):
        step = np.einsum("abscd,d->c", joint[k], c[k + 1, :2] * backward[0])
        backward.insert(0, step / step.sum())
    found = np.zeros(w.shape)
    for k in range(digits):
        full = np.einsum(
            "c,abscd,d->abscd", forward[k], joint[k], c[k + 1, :2] * backward[k + 1], optimize=True
        )
        full /= full.sum()
        found[k] = full.sum((1, 2, 3, 4))
        found[digits + k] = full.sum((0, 2, 3, 4))
        found[2 * digits + k] = full.sum((0, 1, 3, 4))
        found[3 * digits + k, :2] = full.sum((0, 1, 2, 4))
    last = forward[-1] * backward[-1]
    found[4 * digits, :2] = last / last.sum()
    return log, found
