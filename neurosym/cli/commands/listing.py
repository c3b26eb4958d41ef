"""`neurosym list`: experiments and configs with a line on each, read without running them."""

from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.descriptions import modules


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"list takes no arguments, got {' '.join(arguments)!r}")
    from neurosym.cli.tables import print_table

    for name in ("experiments", "configs"):
        found = modules(name)
        if not found:
            print(f"{name}: no folder {name}/ here or in the installed checkout")
            continue
        rows = []
        for info in found:
            shown = _shown(info.path)
            rows.append((shown, info.description))
            rows += [(f"{shown}:{key}", text) for key, text in info.variants.items()]
        print_table(name, (name[:-1], "what it is"), rows)
    return 0


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


COMMAND = Command(
    name="list",
    usage="list",
    description=(
        "Lists the experiments and the configs in ./experiments and ./configs, else in the "
        "checkout that neurosym was installed from: a line on each, and the variants of configs."
    ),
    examples=("neurosym list",),
    define_flags=lambda values: None,
    run=_run,
)
