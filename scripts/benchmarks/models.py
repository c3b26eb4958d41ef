"""CPMpy models, unchanged, by this engine and by CP-SAT with one worker: answers and times.

    neurosym bench models [--only=NAME,NAME] [--repeat=N] [--time_limit=SECONDS]

Each model is built by CPMpy and handed to both solvers. `count` asks for the number of solutions,
`best` for the optimum. `ours` is the fastest of some further calls, after the first one, which is
`first` and compiles. One process, pinned to one core. Prints JSON.
"""

import argparse
import json
import os
import sys
import time
import warnings
from typing import Any

os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import cpmpy as cp  # noqa: E402
from _cpmpy_models import MODELS  # noqa: E402
from cpmpy.solvers.ortools import CPM_ortools  # noqa: E402

from neurosym.languages.cpmpy import CPM_neurosym  # noqa: E402


def answer(solver: Any, task: str, limit: float, **options: Any) -> tuple[Any, str, float]:
    """The count or the optimum, the status, and seconds."""
    begin = time.perf_counter()
    if task == "count":
        found = solver.solveAll(time_limit=limit, **options)
    else:
        found = solver.solve(time_limit=limit, **options) and solver.objective_value()
    return found, solver.status().exitstatus.name, time.perf_counter() - begin


def row(name: str, repeat: int, limit: float) -> dict[str, Any]:
    build, task = MODELS[name]
    begin = time.perf_counter()
    solver = CPM_neurosym(build())
    translated = time.perf_counter() - begin
    found, status, first = answer(solver, task, limit)
    seconds = min(answer(solver, task, limit)[2] for _ in range(repeat))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = CPM_ortools(build())
        right, peer_status, peer_seconds = answer(peer, task, limit, num_search_workers=1)
        for _ in range(repeat):
            peer_seconds = min(
                peer_seconds, answer(CPM_ortools(build()), task, limit, num_search_workers=1)[2]
            )
    return {
        "task": task,
        "answer": found,
        "CP-SAT's answer": right,
        "right": bool(found == right and status == peer_status == "OPTIMAL"),
        "status": status,
        "variables": len(solver.native_model.declared),
        "translation ms": round(1000 * translated, 1),
        "first ms": round(1000 * first, 1),
        "ours ms": round(1000 * seconds, 2),
        "CP-SAT ms": round(1000 * peer_seconds, 2),
        "ratio": round(seconds / peer_seconds, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", help="names of models, with commas between them")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--time_limit", type=float, default=60.0)
    options = parser.parse_args()
    names = options.only.split(",") if options.only else list(MODELS)
    rows = {}
    for name in names:
        rows[name] = row(name, options.repeat, options.time_limit)
        print(name, rows[name], file=sys.stderr, flush=True)
    ratios = [r["ratio"] for r in rows.values()]
    summary = {
        "models": len(rows),
        "right": sum(r["right"] for r in rows.values()),
        "within 5 times CP-SAT": sum(x <= 5 for x in ratios),
        "faster than CP-SAT": sum(x < 1 for x in ratios),
    }
    print(json.dumps({"versions": {"cpmpy": cp.__version__}, "summary": summary, "models": rows}))


if __name__ == "__main__":
    main()
