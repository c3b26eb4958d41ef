"""Compiled programs on disk: a second process loads, two at once do not meet, and it can be off."""

import os
import subprocess
import sys

import pytest

from neurosym.compiled_programs import default_folder, keep_compiled_programs, kept_in

# A computation, and how many programs XLA compiled for it and how many came from the folder.
SCRIPT = """
import sys
import jax
import neurosym as ns

counted = {"compiled": 0, "held": 0}

def count(event, *_, **__):
    counted["compiled"] += event.endswith("/backend_compile_duration")
    counted["held"] += event.endswith("/cache_hits")

jax.monitoring.register_event_duration_secs_listener(count)
jax.monitoring.register_event_listener(count)
folder = ns.keep_compiled_programs(*sys.argv[1:])
for k in range(8):
    assert float(jax.jit(lambda x: x * k + 1)(2.0)) == 2 * k + 1
print(folder, counted["compiled"] - counted["held"])
"""


def start(environment, *arguments):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    kept.pop("NEUROSYM_CACHE", None)
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *map(str, arguments)],
        env={**kept, "JAX_PLATFORMS": "cpu", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answer(process):
    out, err = process.communicate()
    assert process.returncode == 0, err
    assert "cache" not in err, err
    folder, programs = out.split()
    return folder, int(programs)


def test_what_one_process_compiled_another_loads(tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path)}
    both = [start(environment) for _ in range(2)]
    for process in both:
        folder, programs = answer(process)
        assert folder == str(tmp_path / "neurosym" / "programs")
        assert programs <= 8
    kept = kept_in(tmp_path / "neurosym" / "programs")
    assert kept.programs == 8
    assert kept.size > 0
    assert answer(start(environment))[1] == 0


def test_the_size_is_limited(tmp_path):
    limit = {"JAX_COMPILATION_CACHE_MAX_SIZE": "12000"}
    assert answer(start(limit, tmp_path))[1] == 8
    kept = kept_in(tmp_path)
    assert 0 < kept.programs < 8
    assert kept.size <= 12000


@pytest.mark.parametrize(
    "setting",
    [{"NEUROSYM_CACHE": "off"}, {"JAX_ENABLE_COMPILATION_CACHE": "false"}],
)
def test_it_can_be_off(setting, tmp_path):
    environment = {"XDG_CACHE_HOME": str(tmp_path), **setting}
    assert answer(start(environment)) == ("None", 8)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_changes_nothing(tmp_path, monkeypatch):
    for name in ("NEUROSYM_CACHE", "JAX_COMPILATION_CACHE_DIR", "JAX_ENABLE_COMPILATION_CACHE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert keep_compiled_programs() is None
    assert kept_in(default_folder()) == (0, 0)
