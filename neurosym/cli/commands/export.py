"""`neurosym export`: the pipeline of a finished run as a file that other tools run."""

from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.places import import_roots
from neurosym.cli.run_flags import define_data_dir, define_workdir, required_workdir

_TARGETS = ("stablehlo", "safetensors")


def _define_flags(values: flags.FlagValues) -> None:
    define_workdir(values, "folder of the finished run")
    flags.DEFINE_enum("target", None, _TARGETS, "for which tool", flag_values=values)
    flags.DEFINE_string("output", None, "the file to write", flag_values=values)
    define_data_dir(values)


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"export takes flags only, got {' '.join(arguments)!r}")
    workdir = required_workdir(values)
    if not values.target:
        raise UsageError(f"--target is missing: {', '.join(_TARGETS)}")
    if not values.output:
        raise UsageError("--output=FILE is missing")
    from neurosym.cli.runtime import prepare_jax
    from neurosym.export import load_pipeline, write_artefact

    prepare_jax()
    pipeline = load_pipeline(workdir, values.data_dir, import_roots=tuple(import_roots()))
    output = Path(values.output)
    facts = write_artefact(pipeline, values.target, output)
    print(f"{output}: {output.stat().st_size:,} bytes, {facts.target} of {facts.task}")
    for title, fields in (("inputs", facts.inputs), ("outputs", facts.outputs)):
        for number, field in enumerate(fields):
            print(f"{'' if number else title:<9}{field}")
    return 0


COMMAND = Command(
    name="export",
    usage="export --workdir=FOLDER --target=TARGET --output=FILE",
    description=(
        "Writes the pipeline of a finished run, encoder and reasoning, as a file for other tools. "
        "The target stablehlo is JAX's own export, for cpu, cuda and tpu and for batches of any "
        "size, with its text and its versions beside it. The target "
        "safetensors is the weights alone, with the names and layouts of PyTorch."
    ),
    examples=(
        "neurosym export --workdir=runs/vs --target=stablehlo --output=vs.stablehlo",
        "neurosym export --workdir=runs/add --target=safetensors --output=lenet.safetensors",
    ),
    define_flags=_define_flags,
    run=_run,
)
