# %% [markdown]
# # Soft and hard, side by side
#
# The same sudoku of 4x4, asked of both engines. The hard engine works on domains in bits and says
# what is possible; the soft engine sums over the same solutions and says how likely they are.
# %%
# Installs neurosym where it is missing, as in Colab; NEUROSYM may name a wheel.
import importlib.util
import os
import subprocess
import sys

if importlib.util.find_spec("neurosym") is None:
    wanted = os.environ.get("NEUROSYM", "neurosym")
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wanted], check=True)
# %%
from pathlib import Path
from tempfile import mkdtemp

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

import neurosym as ns

sudoku = ns.puzzles.PUZZLES["sudoku"]
network = sudoku.build(4).compile()
puzzle = ns.io.parse_sudoku("1...........4..2")
mask = jnp.asarray(ns.puzzles.sudoku_masks(puzzle)[0])
print(ns.io.format_board(puzzle[0]))
# %% [markdown]
# **Hard.** Propagation prunes with each constraint alone until nothing changes; search is complete.
# %%
result = ns.propagate(network, mask)
print(int(mask.sum()), "values are possible at the start,", int(result.domains.sizes.sum()), "then")
found = ns.solve(network, mask, solutions=100)
print(found.count, "solutions")
# %% [markdown]
# **Soft.** With equal weights the marginals are the shares of the solutions, so counting in one
# engine checks the other one.
# %%
weights = jnp.where(mask, 0.0, -jnp.inf)
marginals = ns.marginals(network, weights)
solutions = np.asarray(found.assignment[: int(found.count)])
shares = (solutions[:, :, None] == np.arange(4)).mean(0)
print(np.abs(np.asarray(marginals) - shares).max() < 1e-5)
print(ns.total(network, mask.astype(jnp.int32), semiring=ns.COUNTING))
# %% [markdown]
# **Samples.** Draws are exact and independent: no chain, no burn-in.
# %%
draws = ns.sample(network, weights, key=jax.random.key(0), samples=2000)
print(f"{np.abs((np.asarray(draws)[:, :, None] == np.arange(4)).mean(0) - shares).max():.2f}")
# %% [markdown]
# **The best ones.** With weights that differ, both engines find the best solution: the soft engine
# the k best by sums, the hard engine by branch and bound, with a proof.
# %%
liked = jnp.where(mask, jax.random.normal(jax.random.key(1), mask.shape), -jnp.inf)
print(ns.k_best(network, liked, k=3).log_weights.round(3))
best = ns.solve_best(network, mask, liked)
print(best.objective.round(3))
print(ns.io.format_board(np.asarray(best.assignment) + 1))
# %%
layout = sudoku.layout(4)
Image.open(
    ns.plots.marginals_map(
        marginals,
        Path(mkdtemp()) / "marginals.png",
        cells=layout.cells,
        labels=layout.labels,
        box=layout.box,
        given=np.asarray(puzzle[0] > 0),
        title="Shares of the solutions",
    )
)
