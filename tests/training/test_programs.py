"""How many programs a run compiles: few, and none where only numbers differ from an earlier run."""

import blobs_task
import jax
import numpy as np
import pytest
from compiling import compiled_once

from neurosym.training import Options, SilentProgress, Split, train
from neurosym.training.compiling import Compilation

# Of a run of the toy task: nearly all are its own, for its arrays and initial values.
MOST = 31

_COUNTED = {"made": 0, "held": 0}


def _note(event: str, *_: object, **__: object) -> None:
    _COUNTED["made"] += event.endswith("/backend_compile_duration")
    _COUNTED["held"] += event.endswith("/cache_hits")


jax.monitoring.register_event_duration_secs_listener(_note)
jax.monitoring.register_event_listener(_note)


def programs_of(call):
    """How many programs a call compiles, and how many of them no cache on disk held."""
    before = dict(_COUNTED)
    call()
    made = _COUNTED["made"] - before["made"]
    return made, made - (_COUNTED["held"] - before["held"])


def config_of(**fields):
    config = blobs_task.get_config()
    config.train.epochs = 2
    config.optimizer = {
        "name": "adamw",
        "learning_rate": 0.01,
        "weight_decay": 0.1,
        "schedule": "linear",
        "warmup_steps": 2,
        "clip_norm": 1.0,
    }
    with config.unlocked():
        for name, value in fields.items():
            section, _, field = name.rpartition(".")
            (config[section] if section else config)[field] = value
    return config


class Weighted(blobs_task.Blobs):
    """The toy task with a number of its own, which is in `Split.shared`: an argument as well."""

    def split(self, name):
        split = super().split(name)
        weight = np.float32(self.config.data.weight)
        return Split(split.examples, {"points": split.shared, "weight": weight})

    def batch(self, examples, shared):
        return shared["points"][examples["index"]], examples["label"], shared["weight"]

    def loss(self, model, batch, *, key, step):
        loss, metrics = super().loss(model, batch[:2], key=key, step=step)
        return batch[2] * loss, metrics

    def evaluate(self, model, batch):
        return super().evaluate(model, batch[:2])


def test_a_run_compiles_few_programs_and_one_with_other_numbers_none(tmp_path):
    with compiled_once(tmp_path / "programs"):
        jax.clear_caches()  # whatever other tests compiled
        first = config_of(**{"data.weight": 1.0})
        once = programs_of(lambda: train(first, tmp_path / "first", task=Weighted(first)))
        assert once[0] <= MOST
        jax.clear_caches()  # as between two trials of a sweep
        other = config_of(
            **{
                "optimizer.learning_rate": 0.02,
                "optimizer.weight_decay": 0.3,
                "optimizer.warmup_steps": 5,
                "optimizer.final_fraction": 0.1,
                "optimizer.clip_norm": 0.5,
                "data.weight": 0.5,
                "train.epochs": 3,
                "seed": 1,
            }
        )
        results = []
        task = Weighted(other)
        again = programs_of(lambda: results.append(train(other, tmp_path / "second", task=task)))
        assert again[1] == 0
        assert again[0] <= MOST
    assert results[0].steps == 36


def test_an_error_of_the_compiler_reaches_the_caller():
    def fails():
        raise RuntimeError("out of registers")

    class Lowered:
        compile = staticmethod(fails)

    compilation = Compilation(Lowered)
    with pytest.raises(RuntimeError, match="out of registers"):
        compilation.program()


def test_the_program_that_a_thread_compiles_is_the_one_that_is_called():
    lowered = jax.jit(lambda x: 3 * x).lower(2.0)
    compilation = Compilation(lambda: lowered)
    program = compilation.program()
    assert float(program(2.0)) == 6.0
    assert compilation.program() is program
    assert not compilation.goes_on
    assert compilation.seconds > 0


def test_evaluation_is_compiled_while_the_step_compiles(tmp_path, monkeypatch):
    """And a run ends as one does that compiles when it is wanted."""
    said = SilentProgress()
    ahead = train(config_of(), tmp_path / "ahead", options=Options(progress=said))
    monkeypatch.setattr(Compilation, "goes_on", property(lambda self: False))
    later = train(config_of(), tmp_path / "later", options=Options(progress=said))
    assert ahead.metrics == later.metrics
    files = [
        sorted(path.name for path in (tmp_path / name).iterdir() if path.is_file())
        for name in ("ahead", "later")
    ]
    assert files[0] == files[1]


def test_on_an_accelerator_a_program_is_compiled_when_it_is_wanted(monkeypatch):
    """There the compiler times kernels on the device that is training."""
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    lowered = jax.jit(lambda x: 5 * x).lower(2.0)
    compilation = Compilation(lambda: lowered)
    assert not compilation.goes_on
    assert float(compilation.program()(2.0)) == 10.0
