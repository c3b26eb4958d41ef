"""`neurosym show`: pictures of a network, a circuit, or the marginals of a puzzle."""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.inputs import Inputs, load_jobs, read_inputs

if TYPE_CHECKING:
    from neurosym.circuits import Circuit
    from neurosym.cli.jobs import Job

_SUBJECTS = ("network", "circuit", "marginals", "program")
_NNF_SUFFIXES = (".nnf", ".nnf.gz")
_SDD_SUFFIX = ".sdd"
_TABLE = 40  # variables of a formula that are drawn as a table with their names


def _define_flags(values: flags.FlagValues) -> None:
    text, integer = flags.DEFINE_string, flags.DEFINE_integer
    text("out", None, "the picture to write, a .png file", flag_values=values)
    text(
        "problem",
        None,
        "sudoku, queens, latin, magic, cnf, or module:NAME for a Puzzle of your own; a file that "
        "is DIMACS CNF, NNF or SDD says so itself",
        flag_values=values,
    )
    integer(
        "size",
        None,
        "of the problem; for puzzles of a file the size that they must have",
        flag_values=values,
    )
    integer("instance", None, "which puzzle of the file, from 0", flag_values=values)
    text("vtree", None, "the vtree that goes with an .sdd file", flag_values=values)
    flags.DEFINE_enum(
        "method",
        None,
        ["exact", "approximate"],
        "of marginals: exact, or belief propagation; without the flag exact where the network is "
        "narrow enough",
        flag_values=values,
    )


@dataclasses.dataclass(frozen=True)
class ShowFlags:
    """The command line, checked."""

    subject: str  # of `_SUBJECTS`
    file: str | None
    out: Path
    problem: str | None
    size: int | None
    instance: int | None
    vtree: Path | None
    method: str | None

    @classmethod
    def read(cls, values: flags.FlagValues, arguments: list[str]) -> ShowFlags:
        """Raises `UsageError` for arguments that are wrong or do not go together."""
        if not arguments:
            raise UsageError(f"nothing to show: say one of {', '.join(_SUBJECTS)}")
        subject, files = arguments[0], arguments[1:]
        if subject not in _SUBJECTS:
            near = difflib.get_close_matches(subject, _SUBJECTS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"say one of {', '.join(_SUBJECTS)}"
            raise UsageError(f"there is nothing to show of {subject!r}; {hint}")
        if len(files) > 1:
            raise UsageError(f"one FILE makes one picture, not {len(files)}")
        if subject == "program" and (not files or values.problem or values.size):
            raise UsageError("show program FILE.pl: a logic program, without a --problem")
        if not files and values.problem is None:
            raise UsageError(f"no {subject}: name a FILE (- is standard input) or a --problem")
        if not values.out and subject != "program":
            raise UsageError("--out=FILE.png says where the picture goes")
        if values.out and not values.out.lower().endswith(".png"):
            raise UsageError(f"--out is a .png file, not {Path(values.out).name!r}")
        for name, least in (("size", 1), ("instance", 0)):
            value = getattr(values, name)
            if value is not None and not least <= value < 2**31:
                raise UsageError(f"--{name} goes from {least} to {2**31 - 1:,}, not {value:,}")
        if subject != "marginals" and values.method:
            raise UsageError("--method is for marginals")
        if subject == "circuit" and values.instance is not None:
            raise UsageError("--instance: a circuit is that of the rules, for every instance")
        file = files[0] if files else None
        diagram = subject == "circuit" and (file or "").lower().endswith(_SDD_SUFFIX)
        if diagram != bool(values.vtree):
            raise UsageError(
                f"{file} needs --vtree=FILE: a diagram does not say how its variables are split"
                if diagram
                else "--vtree goes with an .sdd file: show circuit FILE.sdd --vtree=FILE.vtree"
            )
        return cls(
            subject=subject,
            file=file,
            out=Path(values.out or ""),
            problem=values.problem,
            size=values.size,
            instance=values.instance,
            vtree=Path(values.vtree) if values.vtree else None,
            method=values.method,
        )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    options = ShowFlags.read(values, arguments)
    if options.subject == "program":
        from neurosym.cli.programs import show_program

        assert options.file is not None
        print(show_program(options.file, options.out if options.out.name else None))
        return 0
    if options.subject == "circuit" and _is_circuit_file(options.file):
        if options.problem is not None or options.size is not None:
            raise UsageError(f"{options.file} is a circuit already: it has no --problem and --size")
        said = _show_circuit_file(options)
    else:
        files = [options.file] if options.file else []
        inputs = read_inputs(files, options.problem, options.size)
        if options.subject == "circuit":
            said = _show_compiled_circuit(inputs, options)
        elif options.subject == "network":
            said = _show_network(inputs, options)
        else:
            said = _show_marginals(inputs, options)
    print(f"{options.out}: {said}")
    return 0


def _show_network(inputs: Inputs, options: ShowFlags) -> str:
    from neurosym.plots import factor_graph, network_summary
    from neurosym.plots.factor_graph import is_drawable

    job, mask = _instance(inputs, options)
    network = job.network
    said = f"{network.variables:,} variables, {len(network.structure.relations):,} constraints"
    if not is_drawable(network):
        network_summary(network, options.out, title=_title(job))
        return f"{said}: too many for a factor graph, so their numbers"
    given = None if (mask == np.asarray(network.mask)).all() else mask
    factor_graph(network, options.out, domains=given, cells=_board(job), title=_title(job))
    return said


def _show_marginals(inputs: Inputs, options: ShowFlags) -> str:
    from neurosym.plots import marginals_map
    from neurosym.plots.marginals_map import marginals_caption

    job, mask = _instance(inputs, options)
    table, caption = _marginals(job, mask, options.method)
    structure = job.network.structure
    given = (mask.sum(axis=1) == 1) & (np.asarray(job.network.mask).sum(axis=1) > 1)
    shared = {"given": given, "title": _title(job), "caption": caption}
    if job.layout is not None and (job.cnf is None or len(structure.names) > _TABLE):
        marginals_map(table, options.out, **job.layout()._asdict(), **shared)
    else:
        labels = [[str(value) for value in domain] for domain in structure.domains]
        marginals_map(table, options.out, labels=labels, names=structure.names, **shared)
    return f"{caption}; {marginals_caption(table)}"


def _marginals(job: Job, mask: np.ndarray, method: str | None) -> tuple[np.ndarray, str]:
    """Probabilities float ``[V, D]`` where every solution is as likely, and how they were found."""
    import jax.numpy as jnp

    from neurosym.reasoning import Method, Status, automatic
    from neurosym.reasoning.automatic import EFFORT, METHODS
    from neurosym.soft import Effort

    methods, effort = METHODS, EFFORT
    if method == "approximate":
        methods = (Method.MESSAGES,)
    elif method == "exact":  # asked for by name, so it may cost more
        methods, effort = METHODS[:-1], Effort()
    choice = automatic(job.network, mask, methods=methods, effort=effort)
    if choice.method is Method.PROPAGATION:
        return np.zeros(mask.shape), choice.why
    table, status, statistics = choice.marginals(jnp.zeros(mask.shape))
    if choice.exact:
        return np.asarray(table), f"exact, by {choice.method.value}; all solutions alike"
    rounds = int(statistics["rounds"])
    how = {
        Status.IMPOSSIBLE: f"came to a contradiction after {rounds:,} rounds",
        Status.ESTIMATED: f"converged after {rounds:,} rounds",
        Status.UNSETTLED: f"NOT converged after {rounds:,} rounds",
    }[Status(int(status))]
    return np.asarray(table), f"approximate: {choice.method.value}, {how}"


def _show_circuit_file(options: ShowFlags) -> str:
    from neurosym.circuits import from_nnf, from_sdd

    _quiet()
    assert options.file is not None
    if options.vtree is not None:
        circuit = from_sdd(options.file, options.vtree)
    else:
        circuit = from_nnf(options.file)
    return _draw_circuit(circuit, _literals(circuit), Path(options.file).name, options.out)


def _show_compiled_circuit(inputs: Inputs, options: ShowFlags) -> str:
    if inputs.texts and not inputs.formula:
        raise UsageError("a circuit is that of the rules: --problem=NAME --size=N, without a file")
    (job,) = load_jobs(inputs)
    from neurosym.circuits import Formula, compile_circuit, compile_formula

    structure = job.network.structure
    try:
        if job.cnf is None:
            circuit = compile_circuit(job.network)
            leaves = [f"{structure.names[i]}={structure.domains[i][v]}" for i, v in circuit.leaves]
        else:
            circuit = compile_formula(Formula(job.cnf, job.cnf.variables))
            leaves = _literals(circuit)
    except ImportError as error:
        raise ValueError(str(error)) from error
    return _draw_circuit(circuit, leaves, _title(job), options.out)


def _draw_circuit(circuit: Circuit, leaves: list[str], title: str, out: Path) -> str:
    from neurosym.plots import circuit_layers
    from neurosym.plots.circuit_layers import MAX_DRAWN

    terms = circuit.row_terms() if circuit.rows <= MAX_DRAWN else None
    circuit_layers(circuit.layers, out, terms=terms, leaves=leaves, heading=title)
    return f"{circuit.rows:,} rows, {circuit.terms:,} terms, {len(circuit.layers):,} layers"


def _literals(circuit: Circuit) -> list[str]:
    """What the leaves of a formula's circuit say, in the signs of DIMACS."""
    return [
        f"{variable + 1}" if not sign else f"-{variable + 1}" for variable, sign in circuit.leaves
    ]


def _instance(inputs: Inputs, options: ShowFlags) -> tuple[Job, np.ndarray]:
    """The job, and the domains bool ``[V, D]`` of the instance that is shown."""
    (job,) = load_jobs(inputs)
    index = options.instance or 0
    if index >= job.count:
        last = f"goes up to {job.count - 1:,}" if job.count > 1 else "is 0: there is but one"
        raise UsageError(f"--instance {last}, not {index:,}")
    return job, np.asarray(job.masks(index, index + 1)[0])


def _board(job: Job) -> np.ndarray | None:
    """The cells of a board that has more than a line, and every variable once; else None."""
    if job.layout is None or job.cnf is not None:
        return None
    cells = job.layout().cells
    placed = np.sort(cells[cells >= 0])
    whole = np.array_equal(placed, np.arange(job.network.variables))
    return cells if whole and min(cells.shape) > 1 else None


def _title(job: Job) -> str:
    return Path(job.name).name


def _is_circuit_file(file: str | None) -> bool:
    return (file or "").lower().endswith((*_NNF_SUFFIXES, _SDD_SUFFIX))


def _quiet() -> None:
    from neurosym.cli.runtime import prepare_jax

    prepare_jax()


COMMAND = Command(
    name="show",
    usage="show network|circuit|marginals|program [FILE] [--problem=NAME] --out=FILE.png ...",
    description=(
        "Draws a picture. network: the factor graph, with variables as circles, constraints as "
        "boxes and negative literals dashed; a network that is too large for that is shown in "
        "numbers. circuit: the layers of the circuit of a problem or a formula, which is "
        "compiled first (how long that takes cannot be foretold), or of an NNF or SDD file. "
        "marginals: how likely each value is over all solutions, after propagation; exact where "
        "that is affordable (by elimination, or by a circuit of the part that propagation "
        "left), else by belief propagation. The picture says by which of them, and whether it "
        "converged. program: which predicates of a logic program depend on which, and which of "
        "them recurse, as text, and with --out as a picture."
    ),
    examples=(
        "neurosym show network --problem=queens --size=5 --out=queens.png",
        "neurosym show network formula.cnf --out=formula.png",
        "neurosym show circuit --problem=latin --size=3 --out=latin.png",
        "neurosym show circuit formula.sdd --vtree=formula.vtree --out=formula.png",
        "neurosym show program program.pl --out=program.png",
        "neurosym show marginals puzzles.txt --problem=sudoku --instance=0 --out=sudoku.png",
        "neurosym show marginals --problem=my_puzzles:KAKURO --size=5 --out=kakuro.png",
    ),
    define_flags=_define_flags,
    run=_run,
)
