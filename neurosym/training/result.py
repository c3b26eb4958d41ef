"""The outcome of a run: `result.json`, written once, when the test split has been judged."""

import dataclasses
import os
import platform
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from neurosym.training.files import not_what, read_json, write_json
from neurosym.training.workdir import Workdir

_WHAT = "the result of a run"
_PACKAGES = ("neurosym", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy")


@dataclasses.dataclass(frozen=True)
class Result:
    """The figures of a finished run, and the time that it took.

    Attributes:
      metrics: on the test split, with the best parameters.
      validation: on the validation split, likewise; empty where there is none.
      seed: of the run.
      steps: training steps made.
      best_step: the step of the best parameters.
      wall_seconds: training with validation and checkpoints, over all resumptions, compiling
        apart; of seeds that were trained together, an equal share each.
      compile_seconds: for which tracing and compiling were waited for, likewise.
      versions: of Python and of the packages that matter.
      device: what it ran on.
      revision: the git revision of the source (of the package where that is a checkout, else of
        the working directory), "-dirty" where it was changed; None without git.
      together: how many seeds the program trained at once.
    """

    metrics: dict[str, float]
    validation: dict[str, float]
    seed: int
    steps: int
    best_step: int
    wall_seconds: float
    compile_seconds: float
    versions: dict[str, str]
    device: str
    revision: str | None
    together: int = 1


def write_result(workdir: Workdir, result: Result) -> None:
    """Writes `result.json` in one go.

    Raises:
      ValueError: a figure is infinite or not a number; nothing is written then.
    """
    write_json(workdir.result, dataclasses.asdict(result))


def read_result(workdir: Workdir) -> Result | None:
    """The result of a finished run, or None.

    Raises:
      ValueError: the file is not one that `write_result` wrote.
    """
    if not workdir.result.exists():
        return None
    advice = "Remove it, and the run is judged again."
    return result_of(read_json(workdir.result, _WHAT, advice), workdir.result, advice)


def result_of(content: Mapping[str, Any], path: Path, advice: str = "") -> Result:
    """A result from the fields of a file.

    Args:
      content: the fields.
      path: of the file that they are from.
      advice: what to do where they are not those of a result.

    Raises:
      ValueError: a field is missing, unknown or of another type.
    """
    try:
        result = Result(**content)
    except TypeError as error:
        reason = str(error).removeprefix("Result.__init__() ")
        raise not_what(path, _WHAT, reason, advice) from error
    for name in ("metrics", "validation"):
        values = getattr(result, name)
        if not isinstance(values, dict) or not all(map(_is_number, values.values())):
            raise not_what(path, _WHAT, f"{name} must be numbers by name", advice)
    for name in ("wall_seconds", "compile_seconds"):
        if not _is_number(getattr(result, name)):
            raise not_what(path, _WHAT, f"{name} must be a number", advice)
    for name in ("seed", "steps", "best_step"):
        value = getattr(result, name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise not_what(path, _WHAT, f"{name} must be an integer", advice)
    return result


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that matter; absent ones are left out."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def device() -> str:
    """The device that JAX uses, with the number of them, or of cores for a CPU."""
    import jax  # Results are also read where nothing is computed.

    first = jax.devices()[0]
    if first.platform == "cpu":
        return f"cpu ({_cpu_name()}, {os.cpu_count()} cores)"
    return f"{first.platform} ({jax.device_count()} × {first.device_kind})"


def revision() -> str | None:
    """The git revision of the package's checkout, else of the working directory; or None."""
    checkout = Path(__file__).resolve().parents[2]
    # An installed package may lie within a repository that is not its own.
    folders = [checkout] if (checkout / ".git").exists() else []
    for folder in (*folders, Path.cwd()):
        command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
        try:
            answer = subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=10, check=True
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return answer.stdout.strip() or None
    return None


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
