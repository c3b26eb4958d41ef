#!/usr/bin/env python
"""Estimators of the gradient across a discrete decision, against the exact one.

On small problems (the sum of two digits, and 4x4 sudoku with some empty cells labelled) it measures
for each estimator, over seeded instances and keys: the bias and the variance of the gradient with
respect to the logits, both relative to the exact gradient, the mean cosine, and the time of a
batch of 64 (interleaved medians, compiling apart). Then each trains the same encoder on the same
budget: sums of two 8x8 digits, of which only the sum is labelled. Prints one JSON object; a table
goes to the standard error, and a picture to a file.

    python scripts/benchmarks/estimators.py [--quick] [--only exact score_function_16]
        [--picture estimators.png]
"""

import argparse
import json
import os
import time
from typing import Any, NamedTuple

if hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import _timing
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from rich.console import Console
from rich.table import Table

import neurosym as ns

BATCH = 64
INSTANCES = 8  # of a problem; each stands in a batch BATCH / INSTANCES times, with other keys
TRUTH = 1.5  # what the true value has more in a logit, as in an encoder that has begun to learn
TRAINING_BATCH = 64
LEARNING_RATE = 2e-3

BELIEFS = {"name": "belief_propagation", "rounds": 5, "damping": 0.3}
WITHIN = {"name": "within", "tau": 1.0}  # times the temperature
HARD = {"name": "straight_through", "sample": True}
BOARDS = 288  # all 4x4 sudokus

Contender = tuple[str, dict[str, Any], float]  # estimator, options, temperature

ADDITION: dict[str, Contender] = {
    "exact": ("exact", {}, 1.0),
    "max_times": ("exact", {"semiring": "max_times"}, 1.0),
    "belief_propagation": ("belief_propagation", {"rounds": 5, "damping": 0.3}, 1.0),
    "enumerated": ("enumerated", {"limit": 16, "otherwise": BELIEFS}, 1.0),
    "gumbel_bits": ("pruned", {"gumbel": True, "rule": WITHIN, "inner": "exact"}, 3.0),
    "gumbel_softmax": ("relaxed", {"bridge": "gumbel_softmax"}, 1.0),
    "gumbel_softmax_hard": ("relaxed", {"bridge": HARD}, 1.0),
    "straight_through": ("relaxed", {"bridge": "straight_through"}, 1.0),
    "perturb_and_map_1": ("perturb_and_map", {"samples": 1, "solver": "elimination"}, 1.0),
    "perturb_and_map_8": ("perturb_and_map", {"samples": 8, "solver": "elimination"}, 1.0),
    "score_function_16": ("score_function", {"samples": 16}, 1.0),
    "score_function_128": ("score_function", {"samples": 128}, 1.0),
    "top_1": ("top_k_assignments", {"k": 1}, 1.0),
    "top_3": ("top_k_assignments", {"k": 3}, 1.0),
}

# Without elimination, as on boards that are too wide for it; what is exact is enumerated.
SUDOKU: dict[str, Contender] = {
    "exact": ("enumerated", {"limit": BOARDS, "otherwise": BELIEFS}, 1.0),
    "belief_propagation": ADDITION["belief_propagation"],
    "enumerated": ADDITION["enumerated"],
    "gumbel_bits": ("pruned", {"gumbel": True, "rule": WITHIN, "inner": BELIEFS}, 3.0),
    "perturb_and_map_1": ("perturb_and_map", {"samples": 1}, 1.0),
    "perturb_and_map_8": ("perturb_and_map", {"samples": 8}, 1.0),
    "score_function_128": ADDITION["score_function_128"],
}


class Instances(NamedTuple):
    """A small problem, seeded instances of it, and who competes on it."""

    contenders: dict[str, Contender]
    reasoner: ns.reasoning.NetworkReasoner
    logits: jax.Array  # float32[N, V, D]
    evidence: jax.Array  # bool[N, V, D]
    observed: jax.Array  # bool[N, V]


def addition_reasoner() -> ns.reasoning.NetworkReasoner:
    """Two digits and their sum."""
    problem = ns.Problem()
    digits = problem.variables("digit", shape=2, domain=range(10))
    total = problem.variable("total", domain=range(19))
    problem.add(digits.sum() == total)
    return ns.reasoning.NetworkReasoner(problem.compile())


def addition_evidence(reasoner: ns.reasoning.NetworkReasoner, totals: jax.Array) -> jax.Array:
    """bool[..., 3, 19]: the sum is known."""
    exists = jnp.broadcast_to(jnp.asarray(reasoner.exists), (*totals.shape, 3, 19))
    return exists.at[..., 2, :].set(totals[..., None] == jnp.arange(19))


def addition(rng: np.random.Generator) -> Instances:
    """Sums of two digits, observed; the digits are seen."""
    reasoner = addition_reasoner()
    digits = rng.integers(0, 10, (INSTANCES, 2))
    logits = rng.normal(size=(INSTANCES, 3, 19))
    logits[:, :2] += TRUTH * (digits[..., None] == np.arange(19))
    return Instances(
        ADDITION,
        reasoner,
        jnp.asarray(logits, jnp.float32),
        addition_evidence(reasoner, jnp.asarray(digits.sum(1))),
        jnp.broadcast_to(jnp.asarray([True, True, False]), (INSTANCES, 3)),
    )


def sudoku(rng: np.random.Generator) -> Instances:
    """4x4 boards: six cells are seen, five of the others are labelled."""
    network = ns.puzzles.sudoku_problem(4).compile()
    boards = np.asarray(ns.solve(network, solutions=BOARDS).assignment)
    logits = rng.normal(size=(INSTANCES, 16, 4))
    evidence = np.ones((INSTANCES, 16, 4), np.bool_)
    observed = np.zeros((INSTANCES, 16), np.bool_)
    for n, board in enumerate(boards[rng.choice(len(boards), INSTANCES, replace=False)]):
        cells = rng.permutation(16)
        seen, labelled = cells[:6], cells[6:11]
        observed[n, seen] = True
        evidence[n, labelled] = board[labelled, None] == np.arange(4)
        logits[n] += TRUTH * (board[:, None] == np.arange(4))
    return Instances(
        SUDOKU,
        ns.reasoning.NetworkReasoner(network),
        jnp.asarray(logits, jnp.float32),
        jnp.asarray(evidence),
        jnp.asarray(observed),
    )


def gradient_of(name: str, given: Instances) -> Any:
    """The gradient by the logits of a batch of instances, a function of keys ``[BATCH]``."""
    kind, options, temperature = given.contenders[name]
    estimator = ns.bridge.make_estimator(kind, given.reasoner, **options)
    copies = BATCH // INSTANCES
    logits, evidence, observed = (
        jnp.repeat(x, copies, axis=0) for x in (given.logits, given.evidence, given.observed)
    )

    def value(logits: jax.Array, evidence: jax.Array, observed: jax.Array, key: jax.Array):
        found = estimator(logits, evidence, observed=observed, key=key, temperature=temperature)
        return found.log_likelihood

    many = jax.vmap(jax.grad(value))
    # The instances are arguments: as constants XLA would compute what depends on them alone.
    compiled, seconds = _timing.compile_timed(many, logits, evidence, observed, keys_of(0))
    return lambda keys: compiled(logits, evidence, observed, keys), seconds


def keys_of(number: int) -> jax.Array:
    return jax.random.split(jax.random.key(number), BATCH)


def statistics(gradients: np.ndarray, exact: np.ndarray) -> dict[str, float]:
    """Of gradients ``[N, S, ...]`` of N instances, against the exact ones ``[N, ...]``; means."""
    sampled = gradients.reshape(*gradients.shape[:2], -1).astype(np.float64)
    truth = exact.reshape(len(exact), -1).astype(np.float64)
    size = np.linalg.norm(truth, axis=1)
    mean = sampled.mean(1)
    variance = ((sampled - mean[:, None]) ** 2).sum(2).mean(1)
    # The error of the mean itself is taken off the squared bias.
    noise = variance / sampled.shape[1]
    bias = np.sqrt(np.maximum(((mean - truth) ** 2).sum(1) - noise, 0))
    norms = np.linalg.norm(sampled, axis=2)
    products = np.einsum("nsx,nx->ns", sampled, truth)
    cosine = np.where(norms > 0, products / np.maximum(norms * size[:, None], 1e-30), 0)
    return {
        "relative_bias": float((bias / size).mean()),
        "relative_bias_standard_error": float((np.sqrt(noise) / size).mean()),
        "variance": float(variance.mean()),
        "relative_variance": float((variance / size**2).mean()),
        "cosine": float(cosine.mean()),
        "share_of_zero_gradients": float((norms == 0).mean()),
    }


def measure(build: Any, names: list[str], samples: int, rounds: int, console: Console) -> dict:
    """All statistics and times on one problem."""
    given = build(np.random.default_rng(0))
    names = [name for name in names if name in given.contenders]
    programs, compiling = {}, {}
    for name in dict.fromkeys(["exact", *names]):
        programs[name], compiling[name] = gradient_of(name, given)
        console.print(f"{build.__name__}: {name} compiled in {compiling[name]:.1f} s")
    copies = BATCH // INSTANCES
    exact = np.asarray(programs["exact"](keys_of(0)))[::copies]
    found: dict[str, dict[str, float]] = {}
    for name in names:
        runs = [np.asarray(programs[name](keys_of(1 + n))) for n in range(-(-samples // copies))]
        parts = [x.reshape(INSTANCES, copies, *x.shape[1:]) for x in runs]
        found[name] = statistics(np.concatenate(parts, axis=1), exact)
    keys = keys_of(0)
    times = _timing.interleaved(
        {name: lambda run=programs[name]: run(keys) for name in names}, rounds=rounds, calls=3
    )
    for name, milliseconds in _timing.medians(times).items():
        found[name]["milliseconds"] = milliseconds
        found[name]["compile_seconds"] = round(compiling[name], 2)
    return found


def train(name: str, steps: int, seed: int) -> dict[str, float]:
    """Accuracy of digits and sums on test images, after training on sums alone."""
    kind, options, temperature = ADDITION[name]
    reasoner = addition_reasoner()
    estimator = ns.bridge.make_estimator(kind, reasoner, **options)
    data = ns.datasets.digits(validation=0)
    images = jnp.asarray(data.train_images, jnp.float32) / 16
    labels = jnp.asarray(data.train_labels, jnp.int32)
    encoder = ns.encoders.make_encoder("mlp", image_size=(8, 8), classes=10, rngs=nnx.Rngs(seed))
    graph, weights = nnx.split(encoder, nnx.Param)
    optimizer = optax.adam(LEARNING_RATE)
    observed = jnp.asarray([True, True, False])

    def loss(weights: Any, key: jax.Array) -> jax.Array:
        chosen, sampling = jax.random.split(key)
        index = jax.random.randint(chosen, (TRAINING_BATCH, 2), 0, len(images))
        seen = nnx.merge(graph, weights)(images[index.ravel()]).reshape(TRAINING_BATCH, 2, 10)
        logits = jnp.pad(seen, [(0, 0), (0, 1), (0, 9)])
        evidence = addition_evidence(reasoner, labels[index].sum(1))

        def one(logits: jax.Array, evidence: jax.Array, key: jax.Array) -> jax.Array:
            return estimator(
                logits, evidence, observed=observed, key=key, temperature=temperature
            ).log_likelihood

        keys = jax.random.split(sampling, TRAINING_BATCH)
        return ns.losses.semantic_loss(jax.vmap(one)(logits, evidence, keys))

    def step(carry: tuple, key: jax.Array) -> tuple:
        weights, state = carry
        moved, state = optimizer.update(jax.grad(loss)(weights, key), state, weights)
        return (optax.apply_updates(weights, moved), state), None

    run = jax.jit(lambda carry, keys: jax.lax.scan(step, carry, keys)[0])
    begin = time.perf_counter()
    keys = jax.random.split(jax.random.key(seed), steps)
    weights, _ = jax.block_until_ready(run((weights, optimizer.init(weights)), keys))
    seconds = time.perf_counter() - begin
    read = nnx.merge(graph, weights)(jnp.asarray(data.test_images, jnp.float32) / 16).argmax(-1)
    truth = jnp.asarray(data.test_labels, jnp.int32)
    pairs = len(truth) // 2 * 2
    sums = read[:pairs].reshape(-1, 2).sum(1) == truth[:pairs].reshape(-1, 2).sum(1)
    return {
        "digit_accuracy": float((read == truth).mean()),
        "sum_accuracy": float(sums.mean()),
        "seconds": round(seconds, 1),
    }


def table_of(report: dict[str, Any]) -> Table:
    """One row a contender and problem."""
    table = Table(title="Estimators against the exact gradient")
    table.add_column("estimator", no_wrap=True)
    for heading in ("problem", "bias", "variance", "cosine", "zero", "ms a step", "sums", "digits"):
        table.add_column(heading, justify="right", no_wrap=True)
    trained = report["training"]["estimators"]
    for problem, rows in report["problems"].items():
        for name, row in rows.items():
            table.add_row(
                name,
                problem,
                f"{row['relative_bias']:.3f}",
                f"{row['relative_variance']:.3f}",
                f"{row['cosine']:.3f}",
                f"{row['share_of_zero_gradients']:.2f}",
                f"{row['milliseconds']:.2f}",
                *(
                    f"{trained[name][figure]:.3f}" if problem == "addition" else ""
                    for figure in ("sum_accuracy", "digit_accuracy")
                ),
            )
    return table


def rounded(value: Any) -> Any:
    """Floats with five digits, for the printed report."""
    if isinstance(value, dict):
        return {name: rounded(entry) for name, entry in value.items()}
    return float(f"{value:.5g}") if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer samples, steps and rounds")
    parser.add_argument("--only", nargs="+", choices=list(ADDITION), default=list(ADDITION))
    parser.add_argument("--picture", default="estimators.png", help="the PNG to write")
    arguments = parser.parse_args()
    samples, rounds, steps = (64, 3, 200) if arguments.quick else (800, 9, 1_500)
    console = Console(stderr=True)  # standard output is the JSON alone
    report: dict[str, Any] = {"benchmark": "estimators", "batch": BATCH, "samples": samples}
    report["problems"] = {
        build.__name__: measure(build, arguments.only, samples, rounds, console)
        for build in (addition, sudoku)
    }
    trained = {}
    for name in arguments.only:
        trained[name] = train(name, steps, seed=0)
        console.print(f"trained by {name}: {trained[name]}")
    report["training"] = {
        "task": "sums of two 8x8 digits",
        "encoder": "mlp",
        "steps": steps,
        "batch": TRAINING_BATCH,
        "estimators": trained,
    }
    report |= _timing.surroundings()
    measured = report["problems"]["addition"]
    picture = ns.plots.estimator_comparison(
        [
            {"name": name, "accuracy": trained[name]["sum_accuracy"], **measured[name]}
            for name in arguments.only
        ],
        arguments.picture,
        caption=f"Sums of two digits: {INSTANCES} instances, {samples} samples of each; batch "
        f"{BATCH}; accuracy of sums after {steps:,} steps on 8x8 digits",
    )
    report["picture"] = str(picture)
    console.print(table_of(report), width=max(console.width, 100))
    print(json.dumps(rounded(report), indent=2))


if __name__ == "__main__":
    main()
