#!/usr/bin/env python
"""A contraction bij,bjk->bik with its gradient, by semiring, against torch-semiring-einsum.

Batch 32, 64 x 64 x 64. All contenders take turns in one process. Beside them stand the real matrix
product of JAX, the max-shifted exponentials in PyTorch (not exact where they underflow), and the
maximum of a broadcast sum in plain JAX. Prints one JSON object.

    python scripts/benchmarks/einsum.py [--size 64] [--batch 32] [--rounds 15]
"""

import argparse
import json
import sys

import _timing
import jax
import jax.numpy as jnp
import numpy as np

import neurosym as ns


def ours(semiring: ns.Semiring, a: jax.Array, b: jax.Array):
    def value(a, b):
        return ns.einsum("bij,bjk->bik", a, b, semiring=semiring).sum()

    return _timing.compile_timed(jax.value_and_grad(value, (0, 1)), a, b)


def torch_contenders(a: np.ndarray, b: np.ndarray) -> dict:
    try:
        import torch
        import torch_semiring_einsum as tse
    except ImportError:
        sys.exit("the peers are missing: pip install -e '.[bench]'")
    torch.set_num_threads(_timing.available_cores())
    equation = tse.compile_equation("bij,bjk->bik")

    def run(function):
        def step():
            x = torch.tensor(a, requires_grad=True)
            y = torch.tensor(b, requires_grad=True)
            function(x, y).sum().backward()
            return np.asarray(x.grad[0, 0, 0])

        return step

    def peer(x, y):
        return tse.log_einsum(equation, x, y, block_size=tse.AutomaticBlockSize())

    def shifted(x, y):
        rows = x.amax(2, keepdim=True).detach()
        columns = y.amax(1, keepdim=True).detach()
        return ((x - rows).exp() @ (y - columns).exp()).log() + rows + columns

    def best():
        x, y = torch.tensor(a), torch.tensor(b)
        size = tse.AutomaticBlockSize()
        return np.asarray(tse.log_viterbi_einsum_forward(equation, x, y, block_size=size)[0])

    return {
        "torch_semiring_einsum_log": run(peer),
        "torch_shifted_log": run(shifted),
        "torch_semiring_einsum_max_forward_only": best,
    }


def measure(*, size: int = 64, batch: int = 32, rounds: int = 15) -> dict:
    """The report, without the surroundings."""
    rng = np.random.default_rng(0)
    shape = (batch, size, size)
    a, b = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    x, y = jnp.asarray(a), jnp.asarray(b)
    contenders, compile_seconds = torch_contenders(a, b), {}
    semirings = (ns.LOG, ns.REAL, ns.MAX_TIMES, ns.MIN_PLUS, ns.MAX_MIN)
    for semiring in semirings:
        compiled, seconds = ours(semiring, x, y)
        contenders[f"ours_{semiring.name}"] = lambda compiled=compiled: compiled(x, y)
        compile_seconds[semiring.name] = round(seconds, 2)

    def matmul(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.matmul(a, b, precision="highest").sum()

    def maximum(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.max(a[..., None] + b[:, None], axis=2).sum()

    for name, function in (
        ("real_matmul", jax.value_and_grad(matmul, (0, 1))),
        ("jnp_max", jax.value_and_grad(maximum, (0, 1))),
        ("jnp_max_forward_only", maximum),
    ):
        plain, _ = _timing.compile_timed(function, x, y)
        contenders[name] = lambda plain=plain: plain(x, y)
    times = _timing.interleaved(contenders, rounds=rounds)
    return {
        "benchmark": "einsum",
        "shape": [batch, size, size, size],
        "median_ms": _timing.medians(times),
        "times_as_fast": {
            "log over torch_semiring_einsum": _timing.ratio(
                times, "torch_semiring_einsum_log", "ours_log"
            ),
            "log over torch_shifted": _timing.ratio(times, "torch_shifted_log", "ours_log"),
            "max_times over jnp_max": _timing.ratio(times, "jnp_max", "ours_max_times"),
            "max_times with gradient over torch_semiring_einsum_max forward": _timing.ratio(
                times, "torch_semiring_einsum_max_forward_only", "ours_max_times"
            ),
        },
        "log_over_real_matmul": _timing.ratio(times, "ours_log", "real_matmul"),
        "compile_seconds": compile_seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    report = measure(size=arguments.size, batch=arguments.batch, rounds=arguments.rounds)
    print(json.dumps(report | _timing.surroundings(), indent=2))


if __name__ == "__main__":
    main()
