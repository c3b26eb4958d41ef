"""Compiling a program once for several runs of it: what makes tests of whole runs quick."""

import contextlib

import jax
from jax.experimental.compilation_cache import compilation_cache

_OPTIONS = {
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


@contextlib.contextmanager
def compiled_once(folder):
    """While entered, programs that are the same are compiled once and kept in `folder`."""
    options = {**_OPTIONS, "jax_compilation_cache_dir": str(folder)}
    before = {name: getattr(jax.config, name) for name in options}
    try:
        for name, value in options.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
