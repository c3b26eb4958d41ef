#!/usr/bin/env python
"""The soft engine against its peers, in one process on one core: the figures of docs/results.md.

Contractions, the symbolic part of addition, circuits, belief propagation, closures and long chains,
each by its own benchmark, one after the other; within each, all contenders take turns. Prints one
JSON object with a report for each. Peers: pip install -e '.[bench]' (and see
belief_propagation.py for PGMax).

    python scripts/benchmarks/soft.py [--rounds 15] [--only einsum closure]
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import sys

if hasattr(os, "sched_setaffinity"):  # before JAX counts the cores
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

PARTS = {
    "einsum": "--rounds",
    "symbolic": "--rounds",
    "circuits": "--rounds",
    "belief_propagation": "--repeats",
    "closure": "--rounds",
    "chains": "--rounds",
}


def report(name: str, rounds: int) -> dict:
    """What a benchmark prints."""
    sys.argv = [f"{name}.py", PARTS[name], str(rounds)]
    printed = io.StringIO()
    print(f"{name} …", file=sys.stderr, flush=True)
    with contextlib.redirect_stdout(printed):
        importlib.import_module(name).main()
    text = printed.getvalue()
    return json.loads(text[text.index("{\n") :])  # peers print too


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    arguments = parser.parse_args()
    reports = {}
    for name in arguments.only:
        try:
            reports[name] = report(name, arguments.rounds)
        except SystemExit as stopped:  # the peers of one benchmark are missing
            reports[name] = {"stopped": str(stopped.code)}
    print(json.dumps({"benchmark": "soft", "parts": reports}, indent=2))


if __name__ == "__main__":
    main()
