"""`neurosym query`: what a logic program says of its queries.

A small program is answered by Python alone: JAX is not imported.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from neurosym.cli.command import Command, UsageError

if TYPE_CHECKING:
    from neurosym.programs.question import ProgramQuery


def _define_flags(values: flags.FlagValues) -> None:
    text, integer, boolean = flags.DEFINE_string, flags.DEFINE_integer, flags.DEFINE_boolean
    text("query", None, "what is asked, in place of the program's queries", flag_values=values)
    text(
        "evidence",
        None,
        "what was seen, in place of the program's evidence: 'alarm, \\+ burglary'",
        flag_values=values,
    )
    text(
        "semiring",
        "real",
        "real, log, counting, min_plus, max_min, max_times, add_mult, top_k_proofs:K",
        flag_values=values,
    )
    boolean("mpe", False, "the most probable world of each query", flag_values=values)
    boolean("bounds", False, "lower and upper bounds, for --seconds", flag_values=values)
    flags.DEFINE_float("seconds", 10.0, "how long --bounds may take", flag_values=values)
    integer("explain", None, "show so many proofs of each query", flag_values=values)
    text("out", None, "a picture of the proofs, a .png file", flag_values=values)
    boolean("json", False, "print one JSON object", flag_values=values)
    boolean("stats", False, "print how it was computed, to standard error", flag_values=values)
    integer(
        "limit",
        None,
        "calls, answers and rules of the grounding, after which it counts as infinite",
        flag_values=values,
    )


@dataclasses.dataclass(frozen=True)
class QueryFlags:
    """The flags, checked."""

    file: str
    query: str | None
    evidence: str | None
    semiring: str
    mpe: bool
    bounds: bool
    seconds: float
    explain: int | None
    out: Path | None
    json: bool
    stats: bool
    limit: int | None

    @classmethod
    def read(cls, values: flags.FlagValues, arguments: list[str]) -> QueryFlags:
        """Raises `UsageError` for flags that are wrong or do not go together."""
        if len(arguments) != 1:
            raise UsageError("name one program: a FILE, or - for standard input")
        if values.mpe and values.semiring != "real":
            raise UsageError("--mpe is about worlds, and goes with no --semiring")
        if values.bounds and (values.mpe or values.semiring != "real" or values.explain):
            raise UsageError(
                "--bounds is about probabilities, and goes with no --semiring, --mpe and --explain"
            )
        if not values.seconds > 0:
            raise UsageError(f"--seconds is above 0, not {values.seconds:g}")
        if values.explain is not None and values.explain < 1:
            raise UsageError(f"--explain shows at least 1 proof, not {values.explain}")
        if values.out and values.explain is None:
            raise UsageError("--out is a picture of proofs: --explain=3 --out=proofs.png")
        if values.out and not values.out.lower().endswith(".png"):
            raise UsageError(f"--out is a .png file, not {Path(values.out).name!r}")
        if values.limit is not None and values.limit < 1:
            raise UsageError(f"--limit is at least 1, not {values.limit}")
        return cls(
            file=arguments[0],
            query=values.query,
            evidence=values.evidence,
            semiring=values.semiring.lower(),
            mpe=values.mpe,
            bounds=values.bounds,
            seconds=values.seconds,
            explain=values.explain,
            out=Path(values.out) if values.out else None,
            json=values.json,
            stats=values.stats,
            limit=values.limit,
        )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    options = QueryFlags.read(values, arguments)
    from neurosym.programs.program import Program
    from neurosym.programs.readings import OF_WORLDS, ProofReader, explanation, read
    from neurosym.programs.syntax import ProgramWarning

    clock = _Clock()
    limit = {} if options.limit is None else {"limit": options.limit}
    program = Program.read(options.file, **limit)
    clock.lap("parse")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ProgramWarning)  # they are printed below
        question = program.compile(options.query, evidence=options.evidence)
    clock.lap("ground")
    for warning in question.ground.warnings:
        print(f"neurosym query: warning: {warning}", file=sys.stderr)
    if question.networks:
        names = ", ".join(question.networks)
        raise ValueError(
            f"the program asks the network {names}: give its log-probabilities in Python, as in "
            f"ns.Program.read(file).query(..., {next(iter(question.networks))}=...)"
        )
    report: dict[str, Any] = {"semiring": options.semiring}
    found: list[Any]
    if options.bounds:
        from neurosym.programs.bounds import bounds

        limits = bounds(question, seconds=options.seconds)
        found = [own.lower if own.exact else None for own in limits]
        report["bounds"] = {
            answer: {"lower": own.lower, "upper": own.upper, "exact": own.exact}
            for answer, own in zip(question.answers, limits, strict=True)
        }
    elif options.mpe:
        question.compiled  # noqa: B018, the clock tells compiling from answering
        clock.lap("compile")
        report["semiring"] = "mpe"
        worlds = [explanation(question, n) for n in range(len(question.answers))]
        found = [world.probability for world in worlds]
        report["worlds"] = {
            answer: _outcomes(question, world.chosen)
            for answer, world in zip(question.answers, worlds, strict=True)
        }
    else:
        if options.semiring in OF_WORLDS:
            question.compiled  # noqa: B018
            clock.lap("compile")
        found = read(question, options.semiring)
    report["queries"] = dict(zip(question.answers, found, strict=True))
    report.setdefault("bounds", None)
    clock.lap("evaluate")
    if options.explain is not None:
        from neurosym.programs.explaining import explained

        reader = ProofReader(question)
        proofs = explained(question, reader, options.explain)
        trees = [tree for own in proofs.values() for tree in own.pop("trees")]
        report["proofs"] = proofs
        if options.out is not None:
            from neurosym.plots.proof_trees import proof_trees

            if not trees:
                raise ValueError("no query has a proof: there is nothing to draw")
            proof_trees(trees, options.out, heading=Path(options.file).name)
        clock.lap("explain")
    report["seconds"] = clock.seconds
    if options.json:
        print(json.dumps(_finite(report)))
    else:
        _print(report)
    if options.stats:
        _print_statistics(question, clock, with_graph=not options.bounds)
    return 0


def _print(report: dict[str, Any]) -> None:
    width = max(map(len, report["queries"]), default=0)
    if not report["queries"]:
        print("no answers")
    for answer, value in report["queries"].items():
        own = (report["bounds"] or {}).get(answer)
        said = _number(value) if value is not None else ""
        if own is not None:
            said = f"{own['lower']:.8g}  {own['upper']:.8g}  {'exact' if own['exact'] else ''}"
        print(f"{answer:<{width}}  {said}".rstrip())
        for outcome in report.get("worlds", {}).get(answer, ()):
            print(f"    {outcome}")
        for line in report.get("proofs", {}).get(answer, {}).get("text", ()):
            print(f"    {line}")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.10g}"


def _outcomes(question: ProgramQuery, chosen: tuple[tuple[int, int], ...]) -> list[str]:
    from neurosym.programs.explaining import outcome

    return [outcome(question.ground.choices[choice], value) for choice, value in chosen]


def _print_statistics(question: ProgramQuery, clock: _Clock, *, with_graph: bool) -> None:
    rows: list[tuple[str, Any]] = [("ground rules", len(question.ground.rules))]
    if with_graph:
        own = question.compiled.statistics
        rows = [(key, value) for key, value in own.items() if key != "seconds"]
    rows += [(f"seconds: {key}", f"{value:.3f}") for key, value in clock.seconds.items()]
    width = max(len(key) for key, _ in rows)
    for key, value in rows:
        if isinstance(value, list):
            value = ", ".join(map(str, value)) or "none"
        shown = f"{value:,}" if isinstance(value, int) else value
        print(f"{key:<{width}}  {shown}", file=sys.stderr)


def _finite(value: Any) -> Any:
    """JSON has no infinities: they become null."""
    if isinstance(value, dict):
        return {key: _finite(x) for key, x in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return [_finite(x) for x in value] if isinstance(value, list | tuple) else value


class _Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = now - self._last
        self._last = now


COMMAND = Command(
    name="query",
    usage="query PROGRAM [--query=ATOM] [--evidence=LITERALS] [--semiring=NAME] [--mpe] ...",
    description=(
        "Prints each query of a logic program with its probability given the evidence, exactly. "
        "Programs have the syntax of ProbLog. In another semiring the value is one of the proofs: "
        "max_times is the probability of the best proof, counting their number. A proof leaves "
        "open what it does not need; --mpe chooses everything and is the most probable world."
    ),
    examples=(
        "neurosym query program.pl",
        "neurosym query program.pl --evidence='alarm' --json",
        "neurosym query program.pl --semiring=max_times",
        "neurosym query program.pl --mpe",
        "neurosym query program.pl --explain=3 --out=proofs.png",
        "neurosym query program.pl --bounds --seconds=10",
        "neurosym query program.pl --query='path(1, X)' --stats",
    ),
    define_flags=_define_flags,
    run=_run,
)
