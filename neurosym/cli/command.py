"""Commands, how their flags are read and how their help looks.

Nothing heavy is imported here, so that help answers at once.
"""

import dataclasses
import shutil
import textwrap
from collections.abc import Callable, Sequence

from absl import flags


class UsageError(ValueError):
    """The command line itself is wrong."""


@dataclasses.dataclass(frozen=True)
class Command:
    """One subcommand.

    Attributes:
      name: what the user types.
      usage: what follows `neurosym`, in one line.
      description: what it is for, in sentences.
      examples: command lines.
      define_flags: defines its flags in an `absl` flag container.
      run: gets the parsed flags and the arguments that are not flags; returns the exit code.
      parse: how the flags are read from the command line; None reads them plainly.
      passes_through: the arguments are somebody else's and are handed on as they are.
    """

    name: str
    usage: str
    description: str
    examples: tuple[str, ...]
    define_flags: Callable[[flags.FlagValues], None]
    run: Callable[[flags.FlagValues, list[str]], int]
    parse: Callable[[flags.FlagValues, list[str]], list[str]] | None = None
    passes_through: bool = False


def parse_flags(values: flags.FlagValues, arguments: Sequence[str]) -> list[str]:
    """Reads flags into `values`.

    Returns:
      The arguments that are not flags.

    Raises:
      UsageError: a flag is unknown or has a wrong value.
    """
    try:
        return values(["neurosym", *arguments])[1:]
    except flags.Error as error:
        raise UsageError(str(error)) from error


def run_command(command: Command, arguments: list[str]) -> int:
    """Reads the flags of a command and runs it; returns its exit code."""
    values = command_flags(command)
    if command.passes_through:
        values.mark_as_parsed()
        return command.run(values, arguments)
    return command.run(values, (command.parse or parse_flags)(values, arguments))


def command_flags(command: Command) -> flags.FlagValues:
    """A container with the flags of a command, not read yet."""
    values = flags.FlagValues()
    command.define_flags(values)
    if not command.passes_through:
        flags.DEFINE_boolean("debug", False, "show the traceback of an error", flag_values=values)
    return values


def help_text(command: Command) -> str:
    """The help of one command: purpose, usage, flags with their defaults, examples."""
    width = min(shutil.get_terminal_size().columns, 100)
    parts = [f"usage: neurosym {command.usage}", textwrap.fill(command.description, width)]
    values = command_flags(command)
    lines = []
    for name in values:
        flag = values[name]
        heading = f"  --{name}" if flag.boolean else f"  --{name}={name.upper()}"
        default = "" if flag.default in (None, "", False) else f" (default: {flag.default})"
        body = textwrap.wrap(
            f"{flag.help}{default}",
            width,
            initial_indent=f"{heading:<23} ",
            subsequent_indent=" " * 24,
        )
        lines.extend(body)
    if lines:
        parts.append("flags:\n" + "\n".join(lines))
    parts.append("examples:\n" + "\n".join(f"  {line}" for line in command.examples))
    return "\n\n".join(parts) + "\n"
