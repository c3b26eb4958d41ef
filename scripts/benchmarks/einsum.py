#!/usr/bin/env python
"""A contraction bij,bjk->bik with its gradient, by semiring, against torch-semiring-einsum.

Batch 32, 64 x 64 x 64. All contenders take turns in one process. The real matrix product of JAX and
the max-shifted exponentials in PyTorch (not exact where they underflow) stand beside it. Prints one
JSON object.

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
        return ns.einsum(semiring, "bij,bjk->bik", a, b).sum()

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

    return {"torch_semiring_einsum_log": run(peer), "torch_shifted_log": run(shifted)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    shape = (arguments.batch, arguments.size, arguments.size)
    a, b = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    x, y = jnp.asarray(a), jnp.asarray(b)
    contenders, compile_seconds = torch_contenders(a, b), {}
    for name, semiring in (("log", ns.LOG), ("real", ns.REAL), ("max_times", ns.MAX_TIMES)):
        compiled, seconds = ours(semiring, x, y)
        contenders[f"ours_{name}"] = lambda compiled=compiled: compiled(x, y)
        compile_seconds[name] = round(seconds, 2)
    plain, _ = _timing.compile_timed(
        jax.value_and_grad(lambda a, b: jnp.matmul(a, b, precision="highest").sum(), (0, 1)), x, y
    )
    contenders["real_matmul"] = lambda: plain(x, y)
    times = _timing.interleaved(contenders, rounds=arguments.rounds)
    print(
        json.dumps(
            {
                "benchmark": "einsum",
                "shape": [arguments.batch, arguments.size, arguments.size, arguments.size],
                "median_ms": _timing.medians(times),
                "speedup_log_over_torch_semiring_einsum": _timing.ratio(
                    times, "torch_semiring_einsum_log", "ours_log"
                ),
                "log_over_real_matmul": _timing.ratio(times, "ours_log", "real_matmul"),
                "compile_seconds": compile_seconds,
                **_timing.surroundings(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
