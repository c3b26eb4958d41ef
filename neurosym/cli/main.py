"""Entry point of `neurosym`: finds the subcommand, runs it, and turns errors into words.

Exit codes: 0 done; 1 a run failed (a loss that is not finite, say); 2 the command line, a config or
a file is wrong; 130 and 143 stopped by SIGINT and SIGTERM, with everything saved.
"""

import difflib
import gc
import importlib
import os
import sys
import traceback
from collections.abc import Sequence

from neurosym.cli.command import Command, UsageError, help_text, run_command

# name -> (module, what `neurosym --help` says of it); modules are imported only when needed.
_COMMANDS = {
    "solve": ("solve", "solve puzzles, named problems and formulas, completely"),
    "show": ("show", "draw a network, a circuit or marginals"),
    "train": ("train", "train a task from a config, or resume a run"),
    "sweep": ("sweep", "try many values of a config's fields, in parallel, and find the best"),
    "evaluate": ("evaluate", "judge a run's best model on a split"),
    "predict": ("predict", "let a run's best model read your own files"),
    "reproduce": ("reproduce", "run what is missing of a published table, and make it"),
    "record": ("record", "keep the results of finished runs as files to commit"),
    "results": ("results", "make the page of results from what was recorded"),
    "tabulate": ("tabulate", "finished runs as a table, mean and deviation over seeds"),
    "compare": ("compare", "what differs between runs: config, metrics, curves"),
    "list": ("listing", "experiments and configs, with their variants"),
    "data": ("data", "datasets: what is here, what is missing, downloads"),
    "bench": ("bench", "run a benchmark"),
    "doctor": ("doctor", "what to paste into a bug report, and a self-check"),
    "version": ("version", "versions of neurosym and of what it stands on"),
}

EXIT_FAILURE, EXIT_USAGE, EXIT_SIGINT = 1, 2, 130

# New objects after which Python looks for cycles. What imports and JAX's tracing make mostly stays,
# and going through it again and again took a tenth of the time up to a run's first step.
_COLLECT_EVERY = 1_000_000


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command line.

    Args:
      argv: the arguments after `neurosym`; None takes the process's own.

    Returns:
      The exit code.
    """
    gc.set_threshold(_COLLECT_EVERY, *gc.get_threshold()[1:])
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "-help", "help"):
        if len(arguments) > 1 and arguments[1] in _COMMANDS:
            return main([arguments[1], "--help"])
        print(_overview(), end="")
        return 0 if arguments else EXIT_USAGE
    name, rest = arguments[0], arguments[1:]
    if name == "--version":
        name = "version"
    if name not in _COMMANDS:
        near = difflib.get_close_matches(name, _COMMANDS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the commands: {', '.join(_COMMANDS)}"
        print(f"neurosym: error: there is no command {name!r}; {hint}", file=sys.stderr)
        return EXIT_USAGE
    module = importlib.import_module(f"neurosym.cli.commands.{_COMMANDS[name][0]}")
    command: Command = module.COMMAND
    wants_help = any(argument in ("--help", "-h", "-help", "--helpfull") for argument in rest)
    if wants_help and not (command.passes_through and not rest[0].startswith("-")):
        print(help_text(command), end="")
        return 0
    return _run(command, rest)


def _run(command: Command, arguments: list[str]) -> int:
    debug = "--debug" in arguments and not command.passes_through
    try:
        return run_command(command, arguments)
    except KeyboardInterrupt:
        print(f"neurosym {command.name}: stopped", file=sys.stderr)
        return EXIT_SIGINT
    except BrokenPipeError:
        # The reader of a pipe has gone; nothing is left to say, and nobody to say it to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILURE
    except Exception as error:
        if debug:
            traceback.print_exc()
        print(f"neurosym {command.name}: error: {_message(error, debug)}", file=sys.stderr)
        if isinstance(error, UsageError):
            print(f"See: neurosym {command.name} --help", file=sys.stderr)
        return EXIT_USAGE if isinstance(error, ValueError | OSError) else EXIT_FAILURE


def _message(error: Exception, debug: bool) -> str:
    if isinstance(error, ExceptionGroup):
        listed = "".join(f"\n  {_message(inner, debug)}" for inner in error.exceptions)
        return f"{error.message}:{listed}"
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    if isinstance(error, ValueError | OSError | RuntimeError):
        return text
    # Not an error that was foreseen: its type helps, and so does the traceback.
    hint = "" if debug else " (--debug shows where)"
    return f"{type(error).__name__}: {text}{hint}"


def _overview() -> str:
    rows = "\n".join(f"  {name:<10}{summary}" for name, (_, summary) in _COMMANDS.items())
    return (
        "usage: neurosym COMMAND [arguments]\n\n"
        "Differentiable reasoning in JAX: one problem, many semirings.\n\n"
        f"commands:\n{rows}\n\n"
        "`neurosym COMMAND --help` says more of one.\n"
    )
