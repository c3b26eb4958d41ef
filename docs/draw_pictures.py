"""Draws the pictures of `docs/pictures.md`, from the problem that stands there.

    .venv/bin/python docs/draw_pictures.py             # into docs/pictures

Needs the extra `sdd`, for the circuit.
"""

import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

import neurosym as ns
from neurosym.plots.style import INK, QUIET, new_figure, save

BLUE, SHADE, PALE, ORANGE = "#1d4f91", "#9fc0e6", "#d3e3f7", "#c05621"
NAMES = ("Ann", "Bob", "Cid", "Dora")
BELIEFS = np.array(
    [[0.4, 0.4, 0.1, 0.1], [0.1, 0.4, 0.1, 0.4], [0.25, 0.25, 0.25, 0.25], [0.1, 0.2, 0.3, 0.4]]
)
"""What a camera believes of the place of each runner, ``[V, D]``."""


def race() -> ns.Problem:
    """Four runners, four places: Ann is ahead of Bob, Cid and Dora finish next to each other."""
    problem = ns.Problem()
    ann, bob, cid, dora = (problem.variable(name, domain=range(1, 5)) for name in NAMES)
    problem.add(ns.AllDifferent((ann, bob, cid, dora)), ann < bob, abs(cid - dora) == 1)
    return problem


def main(folder: Path) -> list[Path]:
    """Draws all pictures into a folder; returns where they are."""
    network = race().compile()
    circuit = ns.compile_circuit(network)
    return [
        draw_pipeline(folder / "pipeline.png"),
        draw_readings(network, folder / "readings.png"),
        draw_survivors(network, folder / "survivors.png"),
        ns.plots.factor_graph(network, folder / "factor_graph.png", title="The race"),
        ns.plots.circuit_layers(
            circuit.layers,
            folder / "circuit.png",
            terms=circuit.row_terms(),
            leaves=[f"{NAMES[row]} {column + 1}" for row, column in circuit.leaves],
            heading="The race as a circuit",
        ),
        draw_propagation(folder / "propagation.png"),
    ]


def draw_readings(network: ns.Network, path: Path) -> Path:
    """The through of the race in four semirings, a table ``[V, D]`` each.

    Two by two, so that the figures can be read where a page is 400 pixels wide.
    """
    logs = jnp.log(jnp.asarray(BELIEFS, jnp.float32))
    possible = network.mask & ns.support(network, network.mask, semiring=ns.BOOLEAN)
    counts = ns.support(network, network.mask.astype(jnp.int32), semiring=ns.COUNTING)
    marginals = ns.marginals(network, logs)
    through = logs + ns.support(network, logs, semiring=ns.MAX_TIMES)
    best = np.asarray(ns.solve_best(network, None, logs).assignment)
    tables = [
        ("BOOLEAN: possible?", possible, "{:.0f}"),
        ("COUNTING: in how many?", counts, "{:.0f}"),
        ("LOG: how likely?", marginals, "{:.2f}"),
        ("MAX_TIMES: the best with it", jnp.exp(through), "{:.3f}"),
    ]
    figure = new_figure(5.4, 5.8)
    for axes, (title, table, form) in zip(figure.subplots(2, 2).flat, tables, strict=True):
        values = np.asarray(table, np.float64)
        shade = values / values.max()
        for i, j in np.ndindex(values.shape):
            ground = np.array([1.0, 1.0, 1.0]) * (1 - shade[i, j]) + shade[i, j] * _rgb(SHADE)
            axes.add_patch(Rectangle((j, i), 1, 1, facecolor=ground, edgecolor="white"))
            text = form.format(values[i, j]) if values[i, j] > 0 else "–"
            colour = INK if values[i, j] > 0 else QUIET
            axes.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=11, color=colour)
        if title.startswith("MAX_TIMES"):
            for i, j in enumerate(best):
                axes.add_patch(
                    Rectangle((j + 0.04, i + 0.04), 0.92, 0.92, fill=False, edgecolor=ORANGE, lw=2)
                )
        axes.set(xlim=(0, 4), ylim=(4, 0), aspect="equal")
        axes.set_title(title, fontsize=10.5, color=INK)
        axes.set_xticks(np.arange(4) + 0.5, [str(place) for place in range(1, 5)])
        axes.set_yticks(np.arange(4) + 0.5, NAMES)
        axes.tick_params(length=0, labelsize=11, colors=QUIET)
        axes.spines[:].set_visible(False)
    figure.tight_layout()
    return save(figure, path)


def draw_survivors(network: ns.Network, path: Path) -> Path:
    """What propagation leaves, against what exact pruning leaves."""
    propagated = np.asarray(ns.propagate(network).domains.mask)
    exact = np.asarray(network.mask & ns.support(network, network.mask, semiring=ns.BOOLEAN))
    figure = new_figure(5.8, 2.9)
    boards = [("propagate: every constraint alone", propagated), ("exact: all of them", exact)]
    for axes, (title, mask) in zip(figure.subplots(1, 2), boards, strict=True):
        for i, j in np.ndindex(mask.shape):
            ground = PALE if mask[i, j] else "#f3f4f6"
            axes.add_patch(Rectangle((j, i), 1, 1, facecolor=ground, edgecolor="white"))
            if mask[i, j]:
                axes.text(j + 0.5, i + 0.5, j + 1, ha="center", va="center", fontsize=9, color=BLUE)
        axes.set(xlim=(0, 4), ylim=(4, 0), aspect="equal")
        axes.set_title(title, fontsize=9.5, color=INK)
        axes.set_xticks([])
        axes.set_yticks(np.arange(4) + 0.5, NAMES)
        axes.tick_params(length=0, labelsize=9, colors=QUIET)
        axes.spines[:].set_visible(False)
    figure.tight_layout()
    return save(figure, path)


def draw_propagation(path: Path) -> Path:
    """A sudoku solved by propagation alone, a board for each round."""
    board = "1.....3..4.....2"
    puzzle = ns.puzzles.PUZZLES["sudoku"]
    network = puzzle.build(4).compile()
    mask = ns.puzzles.sudoku_masks(ns.io.parse_sudoku(board))[0]
    found = ns.propagate(network, jnp.asarray(mask), trace=8)
    trace = np.asarray(found.trace.mask)[: int(found.rounds) + 1]
    layout = puzzle.layout(4)
    return ns.plots.propagation_trace(
        trace,
        path,
        cells=layout.cells,
        labels=layout.labels,
        marks=layout.marks,
        box=layout.box,
        enlarge=layout.enlarge,
    )


def draw_pipeline(path: Path) -> Path:
    """Boxes and arrows: data forwards, gradients backwards."""
    figure = new_figure(11.0, 2.7)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 11), ylim=(0, 2.7))
    axes.axis("off")
    boxes = [
        ("raw batch", "images"),
        ("encoder", "flax.nnx"),
        ("bridge", "logits → weights,\nsamples or domains"),
        ("reasoning", "hard: bits\nsoft: any semiring"),
        ("loss", "likelihood of\nthe answer"),
        ("optax", "new parameters"),
    ]
    width, gap, low, height = 1.5, 0.28, 1.05, 1.2
    left = [0.24 + n * (width + gap) for n in range(len(boxes))]
    for x, (title, text) in zip(left, boxes, strict=True):
        axes.add_patch(
            FancyBboxPatch(
                (x, low),
                width,
                height,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor=PALE if title in ("bridge", "reasoning") else "#f3f4f6",
                edgecolor=BLUE,
            )
        )
        axes.text(x + width / 2, low + 0.92, title, ha="center", fontsize=11, color=INK)
        axes.text(
            x + width / 2, low + 0.42, text, ha="center", va="center", fontsize=8.5, color=QUIET
        )
    for x in left[:-1]:
        start, end = (x + width, low + height / 2), (x + width + gap, low + height / 2)
        axes.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=12, color=BLUE))
    back = FancyArrowPatch(
        (left[4] + width / 2, low - 0.06),
        (left[1] + width / 2, low - 0.06),
        arrowstyle="-|>",
        mutation_scale=12,
        color=ORANGE,
        connectionstyle="bar,fraction=-0.09",
    )
    axes.add_patch(back)
    middle = (left[1] + left[4] + width) / 2
    axes.text(middle, 0.18, "gradients, through the reasoning", ha="center", color=ORANGE)
    return save(figure, path)


def _rgb(colour: str) -> np.ndarray:
    return np.array([int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)])


if __name__ == "__main__":
    default = Path(__file__).parent / "pictures"
    for picture in main(Path(sys.argv[1]) if len(sys.argv) > 1 else default):
        print(picture)
