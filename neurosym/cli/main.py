"""Entry point of `neurosym`: finds the subcommand, runs it, and turns errors into words.

Exit codes: 0 done; 1 a run failed (a loss that is not finite, an error in a task's own code); 2 the
command line, a config or a file is wrong; 130 and 143 stopped by SIGINT and SIGTERM, with
everything saved.
"""

import contextlib
import difflib
import gc
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from neurosym.cli.command import Command, UsageError, help_text, run_command
from neurosym.training.blame import task_note
from neurosym.training.failures import RunWarning

# name -> (module, what `neurosym --help` says of it); modules are imported only when needed.
_COMMANDS = {
    "solve": ("solve", "solve puzzles, named problems and formulas, completely"),
    "infer": ("infer", "sums, marginals, best assignments of Bayesian networks and random fields"),
    "explain": ("explain", "why an instance has its solution, or none: step by step"),
    "query": ("query", "what a logic program says of its queries: probabilities, proofs"),
    "learn": ("learn", "the probabilities of a logic program, from examples"),
    "show": ("show", "draw a network, a circuit or marginals"),
    "train": ("train", "train a task from a config, or resume a run"),
    "sweep": ("sweep", "try many values of a config's fields, in parallel, and find the best"),
    "evaluate": ("evaluate", "judge a run's best model on a split"),
    "predict": ("predict", "let a run's best model read your own files"),
    "export": ("export", "a finished run as a file that other tools run"),
    "verify": ("verify", "an exported file against its run, example by example"),
    "reproduce": ("reproduce", "run what is missing of a published table, and make it"),
    "record": ("record", "keep the results of finished runs as files to commit"),
    "results": ("results", "make the page of results from what was recorded"),
    "tabulate": ("tabulate", "finished runs as a table, mean and deviation over seeds"),
    "compare": ("compare", "what differs between runs: config, metrics, curves"),
    "init": ("init", "a folder with a task of your own, to begin with"),
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
    # JAX reads it when it is imported: XLA's own lines are for its developers ("Very slow compile?
    # If you want to file a bug ..."); whatever goes wrong is raised as well.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
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
        with _warnings_in_words(command.name):
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
        return EXIT_USAGE if _is_foreseen(error) else EXIT_FAILURE


@contextlib.contextmanager
def _warnings_in_words(name: str) -> Iterator[None]:
    """Shows what a run could do without as a line of this command's; other warnings as ever."""
    before = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *place: Any, **options: Any) -> None:
        if issubclass(category, RunWarning):
            print(f"neurosym {name}: warning: {message}", file=sys.stderr)
        else:
            before(message, category, *place, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("always", RunWarning)
        warnings.showwarning = show
        yield


def _is_foreseen(error: Exception) -> bool:
    """Whether an error tells of the command line, a config or a file."""
    note = task_note(error)
    return isinstance(error, ValueError | OSError) and (note is None or note.foreseen)


def _message(error: Exception, debug: bool) -> str:
    if isinstance(error, ExceptionGroup):
        listed = "".join(f"\n  {_message(inner, debug)}" for inner in error.exceptions)
        return f"{error.message}:{listed}"
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and error.strerror and error.filename:
        text = f"{error.filename}: {error.strerror}"
    note = task_note(error)
    if _is_foreseen(error) or (note is None and isinstance(error, RuntimeError)):
        return text
    # Not an error that was foreseen: its type helps, and so does the traceback.
    place = "" if note is None else f", {note}"
    hint = "" if debug else " (--debug shows the traceback)"
    return f"{type(error).__name__}: {text}{place}{hint}"


def _overview() -> str:
    rows = "\n".join(f"  {name:<10}{summary}" for name, (_, summary) in _COMMANDS.items())
    return (
        "usage: neurosym COMMAND [arguments]\n\n"
        "Differentiable reasoning in JAX: one problem, many semirings.\n\n"
        f"commands:\n{rows}\n\n"
        "`neurosym COMMAND --help` says more of one.\n"
    )
