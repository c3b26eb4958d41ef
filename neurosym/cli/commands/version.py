"""`neurosym version`: versions, without importing what they are of."""

import platform
import re
from importlib import metadata

from absl import flags

from neurosym._version import __version__
from neurosym.cli.command import Command


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    print(f"neurosym {__version__}")
    print(f"python {platform.python_version()}")
    for requirement in metadata.requires("neurosym") or ():
        name, _, condition = requirement.partition(";")
        if "extra" not in condition:
            package = re.split(r"[^\w.-]", name, maxsplit=1)[0]
            print(f"{package} {metadata.version(package)}")
    return 0


COMMAND = Command(
    name="version",
    usage="version",
    description="Prints the versions of neurosym and of the packages that it stands on.",
    examples=("neurosym version",),
    define_flags=lambda values: None,
    run=_run,
)
