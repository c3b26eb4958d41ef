"""`neurosym verify`: an exported artefact against the run that it was made of."""

import sys

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.places import import_roots
from neurosym.cli.run_flags import define_data_dir, define_workdir, required_workdir


def _define_flags(values: flags.FlagValues) -> None:
    define_workdir(values, "folder of the run that the artefact was made of")
    flags.DEFINE_integer(
        "examples", 200, "of the test set, at most", lower_bound=1, flag_values=values
    )
    flags.DEFINE_boolean("json", False, "print JSON", flag_values=values)
    define_data_dir(values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if len(arguments) != 1:
        raise UsageError(f"give one artefact, not {len(arguments)}")
    workdir = required_workdir(values)
    from neurosym.cli.runtime import prepare_jax
    from neurosym.cli.tables import print_json
    from neurosym.export import load_pipeline, open_artefact, verify
    from neurosym.training.result import revision

    prepare_jax()
    artefact = open_artefact(arguments[0])
    pipeline = load_pipeline(workdir, values.data_dir, import_roots=tuple(import_roots()))
    here, there = revision(), artefact.facts.revision
    if here != there:
        print(
            f"neurosym verify: warning: {arguments[0]} was made at the revision {there}, and this "
            f"is {here}",
            file=sys.stderr,
        )
    found = verify(artefact, pipeline, pipeline.examples(values.examples))
    if values.json:
        first = found.first
        print_json(
            {
                "artefact": str(arguments[0]),
                "examples": found.examples,
                "differences": found.differences,
                "mismatched": found.mismatched,
                "first_mismatch": first and {"example": first.example, "output": first.output},
            }
        )
    else:
        width = max(len(name) for name in found.differences)
        print(f"{found.examples:,} examples")
        for name, difference in found.differences.items():
            wrong = found.mismatched[name]
            said = f"{wrong:,} examples differ" if wrong else "equal"
            print(f"{name:<{width}}  largest difference {difference:.3g}  {said}")
        if found.first is not None:
            example, name, expected, given = found.first
            print(f"first mismatch: example {example}, {name}:")
            print(f"  JAX       {expected.tolist()}\n  artefact  {given.tolist()}")
    return 0 if found.first is None else 1


COMMAND = Command(
    name="verify",
    usage="verify ARTEFACT --workdir=FOLDER [--examples=N] [--json]",
    description=(
        "Runs an exported artefact and the JAX pipeline of its run on examples of the test set, "
        "and prints the largest difference of each output and the first mismatch. Floats may "
        "differ by 1e-5; whatever is decided from them is equal bit for bit. The exit code is 1 "
        "where they disagree."
    ),
    examples=("neurosym verify vs.stablehlo --workdir=runs/vs --examples=200",),
    define_flags=_define_flags,
    run=_run,
)
