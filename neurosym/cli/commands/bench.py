"""`neurosym bench`: runs a benchmark script in an interpreter of its own."""

import subprocess
import sys

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.cli.descriptions import modules


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    scripts = {info.path.stem: info for info in modules("scripts/benchmarks")}
    if not scripts:
        raise UsageError(
            "there is no folder scripts/benchmarks here, and this installation brought none: "
            "install a wheel of neurosym, or its checkout with `pip install -e`"
        )
    if not arguments:
        width = max(map(len, scripts))
        for name, info in scripts.items():
            print(f"{name:<{width}}  {info.description}")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in scripts:
        raise UsageError(f"there is no benchmark {name!r}; there are: {', '.join(scripts)}")
    return subprocess.call([sys.executable, str(scripts[name].path), *rest])


COMMAND = Command(
    name="bench",
    usage="bench [NAME [ARGUMENTS...]]",
    description=(
        "Without a name, lists the benchmarks. With a name, runs that script in a fresh "
        "interpreter with the further arguments; it prints JSON."
    ),
    examples=("neurosym bench", "neurosym bench NAME --help"),
    define_flags=lambda values: None,
    run=_run,
    passes_through=True,
)
