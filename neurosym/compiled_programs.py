"""Programs that XLA compiled, kept on disk: one folder for all commands, and for scripts that ask.

    import neurosym as ns

    ns.keep_compiled_programs()          # before the first call that compiles
    ns.total(network, weights)           # compiles once; a second process only loads the program

Every command of `neurosym` that computes makes this call. Importing the package does not: a script
decides for itself which settings of JAX it changes. `NEUROSYM_CACHE=off` turns it off for a
process, and so do JAX's own variables `JAX_COMPILATION_CACHE_DIR` and
`JAX_ENABLE_COMPILATION_CACHE`, which decide by themselves whether programs are kept, and where.

The folder is JAX's persistent cache: a program is found by all that it depends on (its code, the
shapes, the compiler's options and version, the device), processes take turns by a lock in the
folder, and the programs that were not used for longest go when the folder is full.
"""

import os
from pathlib import Path
from typing import NamedTuple

SWITCH = "NEUROSYM_CACHE"
"""The environment variable that turns it off; see the top of this file."""

MOST_BYTES = 2**30
"""The size beyond which programs are removed, unless `JAX_COMPILATION_CACHE_MAX_SIZE` is set."""

_OFF = ("off", "0", "false", "no")
_JAX_DECIDES = ("JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE")
_SUFFIX = "-cache"  # of JAX's files, one for each program


class Kept(NamedTuple):
    """What a folder holds."""

    programs: int
    size: int  # bytes


def keep_compiled_programs(folder: str | Path | None = None) -> Path | None:
    """Lets JAX keep what it compiles, and look there before it compiles.

    To be called before the first computation; programs that were compiled earlier in the process
    are not kept. The folder must be one's own: whoever can write to it decides what is run.

    Args:
      folder: where; None takes `neurosym/programs` in the user's cache (`XDG_CACHE_HOME`, else
        `~/.cache`).

    Returns:
      The folder; None where nothing is changed: `NEUROSYM_CACHE` or a variable of JAX says
      otherwise, or the folder cannot be written.
    """
    if not _is_wanted():
        return None
    chosen = Path(folder) if folder is not None else default_folder()
    try:
        chosen.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError:
        return None
    if not os.access(chosen, os.R_OK | os.W_OK | os.X_OK):
        return None
    import jax

    jax.config.update("jax_compilation_cache_dir", str(chosen))
    # Most programs of a problem take less than JAX's threshold of a second, and there are many.
    _update_unless_set("jax_persistent_cache_min_compile_time_secs", 0.0)
    _update_unless_set("jax_compilation_cache_max_size", MOST_BYTES)
    return chosen


def default_folder() -> Path:
    """Where compiled programs are kept where nobody says otherwise."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "neurosym" / "programs"


def kept_in(folder: Path) -> Kept:
    """Counts the programs of a folder; there may be none, and others may write to it."""
    sizes = []
    try:
        for entry in os.scandir(folder):
            if entry.name.endswith(_SUFFIX):
                sizes.append(entry.stat().st_size)
    except OSError:
        pass
    return Kept(len(sizes), sum(sizes))


def _is_wanted() -> bool:
    if os.environ.get(SWITCH, "").strip().lower() in _OFF:
        return False
    return not any(name in os.environ for name in _JAX_DECIDES)


def _update_unless_set(flag: str, value: float) -> None:
    if flag.upper() not in os.environ:
        import jax

        jax.config.update(flag, value)
