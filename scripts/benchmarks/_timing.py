"""Timing for the benchmarks: contenders in one process, interleaved, medians and ratios."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax


def available_cores() -> int:
    """Cores that this process may use, which is the number of threads that XLA starts."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def compile_timed(function: Callable, *operands: Any) -> tuple[Callable[..., Any], float]:
    """The compiled function, and the seconds that it took to trace and compile."""
    start = time.perf_counter()
    compiled = jax.jit(function).lower(*operands).compile()
    return compiled, time.perf_counter() - start


def interleaved(
    contenders: Mapping[str, Callable[[], object]], *, rounds: int, calls: int = 1
) -> dict[str, list[float]]:
    """Milliseconds a call, for each round; the contenders take turns, after one turn unmeasured."""
    for run in contenders.values():
        jax.block_until_ready(run())
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            for _ in range(calls):
                result = run()
            jax.block_until_ready(result)
            times[name].append(1e3 * (time.perf_counter() - start) / calls)
    return times


def medians(times: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each contender."""
    return {name: round(statistics.median(values), 4) for name, values in times.items()}


def ratio(times: Mapping[str, list[float]], one: str, other: str) -> float:
    """The median over rounds of how many times longer ``one`` took than ``other``."""
    pairs = zip(times[one], times[other], strict=True)
    return round(statistics.median(a / b for a, b in pairs), 3)


def surroundings() -> dict[str, Any]:
    """What a figure depends on besides the code."""
    return {
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
        "cores": available_cores(),
        "jax": jax.__version__,
    }
