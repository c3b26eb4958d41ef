"""`neurosym doctor`: what this machine has, and whether the engines give the right answers."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from absl import flags

from neurosym.cli.command import Command, UsageError
from neurosym.compiled_programs import SWITCH, default_folder, keep_compiled_programs, kept_in

_ENVIRONMENT = re.compile(r"(?:JAX|NEUROSYM|XLA|TF_CPP|CUDA_VISIBLE|OMP)_|LIBTPU_INIT_ARGS$")
_SECRET = re.compile(r"key|token|secret|passw|credential", re.IGNORECASE)
_SECRET_IN_URL = re.compile(r"//[^/@\s]+@")
_EXIT_FAILURE = 1


def _define_flags(values: flags.FlagValues) -> None:
    flags.DEFINE_boolean("json", False, "print JSON", flag_values=values)
    flags.DEFINE_string(
        "data_dir", None, "where the data lie; else NEUROSYM_DATA_DIR", flag_values=values
    )


def _run(values: flags.FlagValues, arguments: list[str]) -> int:
    if arguments:
        raise UsageError(f"doctor takes flags only, got {' '.join(arguments)!r}")
    from neurosym.cli.tables import print_json, print_table, quiet_logs

    quiet_logs()
    report = {}
    for title, facts in _parts(values.data_dir):
        report[title] = facts
        if not values.json:
            rows = [(name, str(value)) for name, value in facts.items()]
            print_table(title, ("what", "state"), rows or [("–", "none is set")])
            sys.stdout.flush()
    if values.json:
        print_json(report)
    return 0 if _is_well(report) else _EXIT_FAILURE


def _parts(data_dir: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Everything, by subject. What fails says how; it does not keep the rest from being told.

    JAX comes last: a wrong flag ends the process when it starts.
    """
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "versions": _versions,
        "machine": _machine,
        "environment": _environment,
        "datasets": lambda: _datasets(data_dir),
        "compiled programs": _compiled_programs,
        "devices": _devices,
        "self-check": self_check,
    }
    for title, part in parts.items():
        try:
            facts = part()
        except Exception as error:  # a broken installation is what this command is for
            facts = {"error": f"{type(error).__name__}: {error}"}
        yield title, _without_secrets(facts)


def _versions() -> dict[str, Any]:
    from neurosym.training.result import revision, versions

    packages = versions()
    return {**packages, "revision": revision() or "unknown", "interpreter": sys.executable}


def _machine() -> dict[str, Any]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cache = default_folder().parent
    facts: dict[str, Any] = {
        "system": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "cores": f"{usable} usable of {os.cpu_count()}",
        "memory": _memory(),
        "cache": f"{cache} ({'here' if cache.is_dir() else 'not made yet'})",
        "disk here": _disk(Path.cwd()),
    }
    existing = next(p for p in (cache, *cache.parents) if p.exists())
    facts["disk of the cache"] = _disk(existing)
    return facts


def _compiled_programs() -> dict[str, Any]:
    """Where JAX keeps programs, and how many there are; from here on they are kept."""
    from neurosym.transforms.compatibility import setting

    keep_compiled_programs()
    folder = setting("jax_compilation_cache_dir")
    if not folder or not setting("jax_enable_compilation_cache"):
        return {"folder": f"off ({SWITCH} or JAX's own variables, or it cannot be written)"}
    kept, most = kept_in(Path(folder)), setting("jax_compilation_cache_max_size")
    size = f"{kept.size / 2**20:.1f} MiB"
    limit = "no limit" if most < 0 else f"at most {most / 2**20:.0f} MiB"
    return {"folder": folder, "programs": kept.programs, "size": f"{size}, {limit}"}


def _devices() -> dict[str, Any]:
    import jax

    from neurosym.training.result import device as in_words
    from neurosym.transforms.compatibility import setting

    facts: dict[str, Any] = {"backend": jax.default_backend(), "in words": in_words()}
    for device in jax.local_devices():
        memory = device.memory_stats() or {}
        limit, used = memory.get("bytes_limit"), memory.get("bytes_in_use")
        text = device.device_kind
        if limit:
            text += f", {_size(used or 0)} of {_size(limit)} in use"
        facts[f"{device.platform}:{device.id}"] = text
    facts["processes"] = jax.process_count()
    facts["64-bit numbers"] = "on" if setting("jax_enable_x64") else "off (the default)"
    return facts


def _environment() -> dict[str, Any]:
    """The variables that change what JAX or neurosym do."""
    names = sorted(name for name in os.environ if _ENVIRONMENT.match(name))
    return {name: os.environ[name] for name in names}


def _datasets(data_dir: str | None) -> dict[str, Any]:
    from neurosym.datasets import describe

    return {
        report.name: f"in {report.where}" if report.present else "missing"
        for report in describe(data_dir)
    }


def self_check() -> dict[str, Any]:
    """One propagation and one gradient, compared with values that are known without a computer.

    Of two digits that sum to 1 only 0 and 1 are possible; with uniform weights each of the two
    pairs has probability 1/100, and the gradient of the log of their sum by the log-weight of a
    digit is 1/2 where the digit is 0 or 1, and 0 elsewhere.
    """
    import jax
    import jax.numpy as jnp
    import numpy as np

    import neurosym as ns

    problem = ns.Problem()
    one, other = problem.variables("digit", shape=2, domain=range(10))
    problem.add(one + other == 1)
    network = problem.compile()
    possible = np.asarray(ns.propagate(network).domains.mask)
    known = np.zeros((2, 10), bool)
    known[:, :2] = True
    weights = jnp.full((2, 10), jnp.log(0.1))
    total, gradient = jax.value_and_grad(lambda w: ns.total(network, w))(weights)
    return {
        "propagation": _verdict(bool((possible == known).all())),
        "total": _verdict(abs(float(total) - float(np.log(0.02))) < 1e-5),
        "gradient": _verdict(bool(np.allclose(gradient, known / 2, atol=1e-5))),
    }


def _verdict(right: bool) -> str:
    return "as known" if right else "WRONG"


def _is_well(report: dict[str, dict[str, Any]]) -> bool:
    return all("error" not in facts and "WRONG" not in facts.values() for facts in report.values())


def _without_secrets(value: Any, name: str = "") -> Any:
    """The home folder abbreviated; what looks like a password is left out."""
    if isinstance(value, dict):
        return {key: _without_secrets(item, key) for key, item in value.items()}
    if not isinstance(value, str):
        return value
    if name.isupper() and _SECRET.search(name):
        return "(set, not shown)"
    home = str(Path.home())
    text = _SECRET_IN_URL.sub("//…@", value)
    return text if home == "/" else re.sub(rf"{re.escape(home)}(?![\w.-])", "~", text)


def _memory() -> str:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines if " kB" in line}
    return (
        f"{_size(1024 * kilobytes['MemAvailable'])} free of {_size(1024 * kilobytes['MemTotal'])}"
    )


def _disk(folder: Path) -> str:
    usage = shutil.disk_usage(folder)
    return f"{_size(usage.free)} free of {_size(usage.total)}"


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB"


COMMAND = Command(
    name="doctor",
    usage="doctor [--json] [--data_dir=FOLDER]",
    description=(
        "Prints versions, compiled programs, devices and their memory, flags and variables of the "
        "environment that matter, the datasets that are here, disk and cores, and checks one "
        "propagation and one gradient against known values. Made for a bug report: the home folder "
        "is written as ~, and nothing that looks like a secret is shown. Exits with 1 if something "
        "is wrong."
    ),
    examples=("neurosym doctor", "neurosym doctor --json"),
    define_flags=_define_flags,
    run=_run,
)
