"""`neurosym list`: experiments and configs with a line on each, read without running them."""

from pathlib import Path

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.descriptions import ModuleInfo, modules_in
from neurosym.cli.places import SHIPPED_PREFIX, roots


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"list takes no arguments, got {' '.join(arguments)!r}")
    from neurosym.cli.tables import print_table

    here = Path.cwd()
    for name in ("experiments", "configs"):
        seen: set[str] = set()
        for root in roots():
            found = modules_in(root / name)
            if not found:
                continue
            title = name if root == here else f"{name} that came with neurosym"
            rows = [row for info in found for row in _rows(info, name, seen)]
            print_table(title, (name[:-1], "what it is"), rows)
            seen |= {info.path.name for info in found}
        if not seen:
            print(f"{name}: none in ./{name}, and this installation brought none")
    return 0


def _rows(info: ModuleInfo, kind: str, shadowed: set[str]) -> list[tuple[str, str]]:
    """A line for a file and each variant, by the name that the command line takes.

    Args:
      info: of the file.
      kind: the folder that it lies in.
      shadowed: names of files that are found in its stead.
    """
    name = f"{kind}/{info.path.name}"
    if kind == "configs" and info.path.name in shadowed:
        name = f"{SHIPPED_PREFIX}{info.path.name}"
    return [(name, info.description), *((f"{name}:{k}", v) for k, v in info.variants.items())]


COMMAND = Command(
    name="list",
    usage="list",
    description=(
        "Lists the experiments and the configs in ./experiments and ./configs, and those that "
        "came with neurosym: a line on each, and the variants of configs. --config takes the "
        "names as they stand in the list, in any folder; --config=neurosym:FILE.py[:VARIANT] is "
        "the config that came with neurosym, also where a file here has the same name."
    ),
    examples=(
        "neurosym list",
        "neurosym train --config=neurosym:mnist_addition.py:n1 --workdir=runs/add",
    ),
    define_flags=lambda values: None,
    run=_run,
)
