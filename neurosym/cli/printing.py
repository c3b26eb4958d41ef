"""How `neurosym solve` prints answers: a line each, JSON, boards, or as SAT competitions ask."""

import json
from collections.abc import Callable

import numpy as np

from neurosym.cli.jobs import Answer, Job, Limits
from neurosym.io import format_result

_MOST = 2**31 - 1  # the engine's count of at least so many

Printer = Callable[[int, Job, Answer], str]
"""From the number of an instance, its job and its answer to a text to print."""


def line(limits: Limits) -> Printer:
    """The solution or, without any, the status; whatever else was asked for in further columns."""
    alone = limits.count == 1 and limits.solutions == 1

    def print_line(index: int, job: Job, answer: Answer) -> str:
        solutions = [job.text(solution) for solution in answer.solutions]
        if alone:
            return solutions[0] if solutions else answer.status
        return "\t".join([_how_many(answer, limits), *solutions])

    return print_line


def json_line(limits: Limits) -> Printer:
    """An object in a line; `at_least` is in it where there may be more solutions than `count`."""

    def print_json(index: int, job: Job, answer: Answer) -> str:
        record = {
            "index": index,
            "status": answer.status,
            "count": answer.count,
            "solutions": [job.text(solution) for solution in answer.solutions],
            "nodes": answer.nodes,
        }
        if limits.count is None and _may_be_more(answer, limits):
            record["at_least"] = True
        return json.dumps(record, ensure_ascii=False, allow_nan=False)

    return print_json


def board(limits: Limits) -> Printer:
    """A heading and a board for each solution."""

    def print_board(index: int, job: Job, answer: Answer) -> str:
        heading = f"{job.name} {index}: {answer.status}"
        if answer.count and limits.count != 1:
            count = _how_many(answer, limits)
            heading += f", {count} solution{'' if count == '1' else 's'}"
        heading += f", {answer.nodes:,} node{'' if answer.nodes == 1 else 's'}"
        return "\n".join([heading, *(job.board(values) + "\n" for values in answer.solutions)])

    return print_board


def competition(limits: Limits, *, several: bool) -> Printer:
    """A status line ``s`` and the lines ``v`` of a model; comments ``c`` say the rest."""
    words = {"SOLVED": "SATISFIABLE", "UNSATISFIABLE": "UNSATISFIABLE"}

    def print_result(index: int, job: Job, answer: Answer) -> str:
        lines = [f"c {job.name}"] if several else []
        if limits.count != 1:
            count = _how_many(answer, limits)
            projected = job.cnf is not None and job.cnf.projection is not None
            kind = "projected model" if projected else "model"
            lines.append(f"c {count} {kind}{'' if count == '1' else 's'}")
        status = "SATISFIABLE" if answer.count else words.get(answer.status, "UNKNOWN")
        result = format_result(status)
        for values in answer.solutions:
            assert job.cnf is not None
            model = np.asarray(values[: job.cnf.variables], np.bool_)
            if not job.cnf.satisfied(model):
                raise RuntimeError(
                    f"{job.name}: the search found something that is not a model; this is a bug"
                )
            result += format_result(status, model)[1:]
        return "\n".join([*lines, *result])

    return print_result


def _how_many(answer: Answer, limits: Limits) -> str:
    """The number of solutions; with a plus where there may be more."""
    return f"{answer.count}{'+' if _may_be_more(answer, limits) else ''}"


def _may_be_more(answer: Answer, limits: Limits) -> bool:
    stopped = answer.status not in ("SOLVED", "UNSATISFIABLE")
    return stopped or answer.count in (limits.count, _MOST)
