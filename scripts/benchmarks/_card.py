"""What a device can do at most, as stated and as measured, and what a program asks of it."""

import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

STATED = {
    # Bytes and 32-bit integer instructions a second, from NVIDIA's data sheets: memory bandwidth;
    # integer lanes of a multiprocessor times multiprocessors times boost clock.
    "H200": (4.8e12, 64 * 132 * 1.98e9),
    "H100 PCIe": (2.0e12, 64 * 114 * 1.755e9),
    "H100": (3.35e12, 64 * 132 * 1.98e9),
    "A100": (2.04e12, 64 * 108 * 1.41e9),
}
"""Of the first name that is in a device's kind."""


class Work(NamedTuple):
    """What one run moves and computes, as XLA counts it; loops are counted by the caller."""

    bytes: float
    operations: float

    def times(self, count: float) -> "Work":
        return Work(self.bytes * count, self.operations * count)


def stated_peaks(kind: str) -> dict[str, float] | None:
    """What the maker says of this kind of device, if it is one of `STATED`."""
    found = next((peaks for name, peaks in STATED.items() if name in kind), None)
    return found and {"bytes_per_second": found[0], "operations_per_second": found[1]}


def measured_peaks(*, megabytes: int) -> dict[str, float]:
    """Bytes a second of adding one to a large array, and of a long chain on each of its numbers."""
    count = megabytes * 2**18
    x = jnp.arange(count, dtype=jnp.int32)
    links = 64

    def chain(x: jax.Array) -> jax.Array:
        y = x
        for n in range(links):
            y = (y * 3 + n) ^ x
        return y

    moving = seconds_of(jax.jit(lambda x: x + 1).lower(x).compile(), x)
    computing = seconds_of(jax.jit(chain).lower(x).compile(), x)
    return {
        "bytes_per_second": 8 * count / moving,
        "operations_per_second": 3 * links * count / computing,
    }


def seconds_of(run: Callable[..., Any], *operands: Any, rounds: int = 5) -> float:
    """The median of a few runs, after one unmeasured."""
    return statistics.median(timed(lambda: run(*operands), rounds=rounds, seconds=60))


def timed(run: Callable[[], Any], *, rounds: int, seconds: float) -> list[float]:
    """Seconds of each run, after one unmeasured: three at least, and no more than fit."""
    jax.block_until_ready(run())
    found: list[float] = []
    began = time.perf_counter()
    while len(found) < rounds and (len(found) < 3 or time.perf_counter() - began < seconds):
        start = time.perf_counter()
        jax.block_until_ready(run())
        found.append(time.perf_counter() - start)
    return found


def work_of(compiled: Any) -> Work | None:
    """What a compiled program moves and computes; None where XLA does not say."""
    found = compiled.cost_analysis()
    found = found[0] if isinstance(found, list) else found
    if not found or "bytes accessed" not in found:
        return None
    return Work(float(found["bytes accessed"]), float(found.get("flops", 0)))


def working_bytes(compiled: Any) -> int | None:
    """Memory beyond arguments and results, as XLA planned it; None where it does not say."""
    found = compiled.memory_analysis()
    return None if found is None else int(found.temp_size_in_bytes)


def peak_bytes() -> int | None:
    """The most that this process has held on the device so far; None where nobody counts."""
    found = jax.devices()[0].memory_stats() or {}
    return found.get("peak_bytes_in_use")
