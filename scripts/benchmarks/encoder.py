#!/usr/bin/env python
"""LeNet's forward and backward pass on CPU: ours in a loop and in a scan, against PyTorch's.

All three run interleaved in one process, on the same number of threads; a median is over rounds.
Also timed: a whole training step with Adam within a scan, as an epoch runs it. Prints one JSON
object.

    python scripts/benchmarks/encoder.py [--batch 128] [--rounds 30] [--steps 10]
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import _timing
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from neurosym.encoders import LeNet
from neurosym.losses import cross_entropy

try:
    import torch
except ImportError:
    torch = None

PIXELS = 28
CLASSES = 10


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=128, help="images of a step")
    parser.add_argument("--rounds", type=int, default=30, help="rounds that the medians are over")
    parser.add_argument("--steps", type=int, default=10, help="steps of each contender in a round")
    arguments = parser.parse_args()
    for name in ("batch", "rounds", "steps"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} must be at least 1")
    if torch is None:
        sys.exit("PyTorch is missing, which this compares with: pip install -e '.[bench]'")
    print(json.dumps(measure(arguments.batch, arguments.rounds, arguments.steps), indent=2))


def measure(batch: int, rounds: int, steps: int) -> dict[str, Any]:
    """Times every contender for ``rounds`` rounds of ``steps`` steps; returns what is printed."""
    threads = _timing.available_cores()
    torch.set_num_threads(threads)
    generator = np.random.default_rng(0)
    images = generator.random((batch, PIXELS, PIXELS), dtype=np.float32)
    labels = generator.integers(0, CLASSES, batch)

    ours, compile_seconds = our_contenders(jnp.asarray(images), jnp.asarray(labels), steps)
    contenders = {"torch": torch_contender(images, labels, steps), **ours}
    for run in contenders.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            seconds[name].append((time.perf_counter() - start) / steps)

    milliseconds = {name: 1e3 * statistics.median(times) for name, times in seconds.items()}
    return {
        "benchmark": "encoder",
        "batch": batch,
        "rounds": rounds,
        "steps": steps,
        "median_ms": {name: round(value, 3) for name, value in milliseconds.items()},
        "ratio_to_torch": {
            name: round(milliseconds[name] / milliseconds["torch"], 3) for name in ours
        },
        "compile_seconds": {name: round(value, 2) for name, value in compile_seconds.items()},
        "device": jax.devices()[0].device_kind,
        "machine": platform.machine(),
        "threads": threads,
        "versions": {
            "python": platform.python_version(),
            "jax": jax.__version__,
            "torch": torch.__version__,
        },
    }


def our_contenders(
    images: jax.Array, labels: jax.Array, steps: int
) -> tuple[dict[str, Callable[[], None]], dict[str, float]]:
    """Ours in a loop, in a scan, and a whole training step in a scan; with seconds to compile."""
    model = LeNet(image_size=PIXELS, classes=CLASSES, rngs=nnx.Rngs(0))
    graph, parameters = nnx.split(model)
    optimizer = optax.adam(1e-3)
    moments = optimizer.init(parameters)

    def loss(parameters: Any) -> jax.Array:
        return cross_entropy(nnx.merge(graph, parameters)(images), labels)

    def forward_backward(parameters: Any) -> Any:
        return jax.value_and_grad(loss)(parameters)

    def in_scan(parameters: Any) -> Any:
        # The parameters move by next to nothing, so that no step is the same as the one before and
        # hoisted.
        def step(parameters: Any, _: None) -> tuple[Any, jax.Array]:
            value, gradient = forward_backward(parameters)
            return jax.tree.map(lambda p, g: p - 1e-9 * g, parameters, gradient), value

        return jax.lax.scan(step, parameters, length=steps)

    def adam_in_scan(parameters: Any, moments: Any) -> Any:
        def step(carry: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], jax.Array]:
            parameters, moments = carry
            value, gradient = forward_backward(parameters)
            updates, moments = optimizer.update(gradient, moments, parameters)
            return (optax.apply_updates(parameters, updates), moments), value

        return jax.lax.scan(step, (parameters, moments), length=steps)

    compiled, compile_seconds = {}, {}
    for name, function, operands in (
        ("ours_loop", forward_backward, (parameters,)),
        ("ours_scan", in_scan, (parameters,)),
        ("ours_adam_scan", adam_in_scan, (parameters, moments)),
    ):
        start = time.perf_counter()
        compiled[name] = jax.jit(function).lower(*operands).compile()
        compile_seconds[name] = time.perf_counter() - start

    def loop() -> None:
        for _ in range(steps):
            answer = compiled["ours_loop"](parameters)
        jax.block_until_ready(answer)

    return {
        "ours_loop": loop,
        "ours_scan": lambda: jax.block_until_ready(compiled["ours_scan"](parameters)),
        "ours_adam_scan": lambda: jax.block_until_ready(
            compiled["ours_adam_scan"](parameters, moments)
        ),
    }, compile_seconds


def torch_contender(images: np.ndarray, labels: np.ndarray, steps: int) -> Callable[[], None]:
    """The same network, loss and gradient in PyTorch."""
    layers = torch.nn
    model = layers.Sequential(
        layers.Conv2d(1, 6, 5),
        layers.MaxPool2d(2),
        layers.ReLU(),
        layers.Conv2d(6, 16, 5),
        layers.MaxPool2d(2),
        layers.ReLU(),
        layers.Flatten(),
        layers.Linear(256, 120),
        layers.ReLU(),
        layers.Linear(120, 84),
        layers.ReLU(),
        layers.Linear(84, CLASSES),
    )
    inputs = torch.tensor(images)[:, None]
    targets = torch.tensor(labels)

    def loop() -> None:
        for _ in range(steps):
            model.zero_grad()
            layers.functional.cross_entropy(model(inputs), targets).backward()

    return loop


if __name__ == "__main__":
    main()
