"""Damaged checkpoints: whatever file is damaged, the next whole one is taken, and it is said."""

import json
import shutil

import blobs_task
import numpy as np
import pytest
from compiling import compiled_once

from neurosym.training import (
    DamagedCheckpointError,
    Options,
    RunStopped,
    RunWarning,
    SilentProgress,
    Workdir,
    evaluate_run,
    load_run,
    restore_best,
    train,
)
from neurosym.training.checkpoints import Checkpoints
from neurosym.training.state import Anatomy

NOTE = "_CHECKPOINT_METADATA"


class Listening(SilentProgress):
    def __init__(self):
        self.said = []

    def say(self, message):
        self.said.append(message)


def config():
    found = blobs_task.get_config()
    found.train.checkpoint_every_steps = 5
    found.train.keep_checkpoints = 3
    return found


def task():
    return blobs_task.Blobs(config())


def saved_arrays(workdir, step):
    with Checkpoints(Workdir(workdir), read_only=True) as checkpoints:
        return checkpoints._read(step)


def test_reading_a_run_back_warns_of_nothing(stopped, caplog):
    """Orbax warns through the logger of absl, which commands silence and scripts do not."""
    folder, _ = stopped
    with caplog.at_level("WARNING", logger="absl"):
        load_run(folder / "whole", task=task())
    assert not caplog.records


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    with compiled_once(tmp_path_factory.mktemp("compiled")):
        yield


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A run that was stopped in its last epoch, its three newest checkpoints, and the whole run."""
    folder = tmp_path_factory.mktemp("runs")
    shown = []

    class Counting(SilentProgress):
        def update(self, step, figures):
            shown.append(step)

    options = Options(progress=Counting(), stop_when=lambda: shown[-1] >= 30)
    with pytest.raises(RunStopped):
        train(config(), folder / "stopped", task=task(), options=options)
    train(config(), folder / "whole", task=task())
    steps = sorted(int(path.name) for path in (folder / "stopped" / "checkpoints").iterdir())
    return folder, steps


def halved(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path):
    path.write_bytes(b"")


def flipped(path):
    """One bit in the middle is another one."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(bytes(content))


def removed(path):
    path.unlink()


def files_of(checkpoint):
    """The files of a checkpoint that its reading depends on, one of each kind, by a short name."""
    names = {}
    for path in sorted(checkpoint.rglob("*")):
        if path.is_file() and path.stat().st_size:
            parts = path.relative_to(checkpoint).parts
            # Data files have names of their own in every checkpoint: the largest speaks for all.
            kind = "/".join(parts[:-1]) + "/*" if parts[-2:-1] == ("d",) else "/".join(parts)
            if kind not in names or path.stat().st_size > names[kind].stat().st_size:
                names[kind] = path
    return names


@pytest.mark.parametrize("damage", [halved, emptied, flipped, removed])
def test_whatever_file_is_damaged_an_older_checkpoint_is_whole(stopped, tmp_path, damage):
    folder, steps = stopped
    *_, before, newest = steps
    whole = saved_arrays(folder / "stopped", newest)
    template = Anatomy.of(task().model(blobs_task.nnx.Rngs(0))).initial()
    skipped = 0
    for kind in files_of(folder / "stopped" / "checkpoints" / str(newest)):
        place = tmp_path / kind.replace("/", "-").replace("*", "data")
        shutil.copytree(folder / "stopped", place)
        damage(files_of(place / "checkpoints" / str(newest))[kind])
        said = []
        with Checkpoints(Workdir(place), read_only=True, say=said.append) as checkpoints:
            taken = checkpoints.whole_step()
            if taken == newest:  # the damage is to something that nobody needs
                for name, array in checkpoints._read(newest).items():
                    np.testing.assert_array_equal(array, whole[name], err_msg=kind)
                assert said == []
                continue
            skipped += 1
            assert taken == before, kind
            assert len(said) == 1, kind
            assert said[0].startswith(
                f"skipped the damaged checkpoint {place}/checkpoints/{newest} ("
            )
            assert f"the one of step {before} is taken" in said[0]
            step, params, _ = checkpoints.restore_best(*template)
            assert step in steps[:-1]
            assert np.isfinite(params["head"]["kernel"]).all()
    assert skipped >= (2 if damage is flipped else 3)


def test_a_run_with_a_damaged_checkpoint_ends_with_the_same_bits(stopped, tmp_path):
    folder, steps = stopped
    place = tmp_path / "run"
    shutil.copytree(folder / "stopped", place)
    halved(place / "checkpoints" / str(steps[-1]) / NOTE)
    listening = Listening()
    result = train(config(), place, task=task(), options=Options(progress=listening))
    assert str(steps[-1]) in listening.said[0]
    assert listening.said[0].startswith("skipped the damaged checkpoint")
    assert listening.said[1] == f"resuming from step {steps[-2]}"
    mine, whole = saved_arrays(place, 36), saved_arrays(folder / "whole", 36)
    for name, array in whole.items():
        np.testing.assert_array_equal(mine[name], array, err_msg=name)
    assert result.metrics == json.loads((folder / "whole" / "result.json").read_text())["metrics"]
    # What was damaged was written anew, so that nothing is skipped the next time.
    said = []
    with Checkpoints(Workdir(place), read_only=True, say=said.append) as checkpoints:
        assert checkpoints.whole_step() == 36
    assert said == []


def test_when_all_are_damaged_all_are_named(stopped, tmp_path):
    folder, steps = stopped
    place = tmp_path / "run"
    shutil.copytree(folder / "stopped", place)
    for step in steps:
        halved(place / "checkpoints" / str(step) / NOTE)
    with pytest.raises(ValueError, match="all checkpoints of this run are damaged") as refused:
        train(config(), place, task=task())
    for step in steps:
        assert f"{place}/checkpoints/{step}: its note {NOTE} cannot be read" in str(refused.value)
    assert f"remove {place}/checkpoints to begin the run anew" in str(refused.value)
    # The same where it is the arrays that are damaged, which is seen later.
    place = tmp_path / "arrays"
    shutil.copytree(folder / "stopped", place)
    for step in steps:
        for path in (place / "checkpoints" / str(step) / "arrays").rglob("manifest.ocdbt"):
            emptied(path)
    with pytest.raises(ValueError, match="all checkpoints of this run are damaged"):
        train(config(), place, task=task())
    with pytest.raises(ValueError, match="all checkpoints of this run are damaged"):
        load_run(place, task=task())


def test_a_damaged_best_checkpoint_is_said_when_a_run_is_judged_again(stopped, tmp_path):
    place = tmp_path / "run"
    shutil.copytree(stopped[0] / "whole", place)
    best = json.loads((place / "result.json").read_text())["best_step"]
    data = files_of(place / "checkpoints" / str(best))["arrays/d/*"]
    emptied(data)
    with pytest.warns(RunWarning, match=rf"damaged checkpoint .*/{best} .* is taken"):
        run = load_run(place, task=task())
    assert evaluate_run(run, "test")["accuracy"] > 0.5
    # What a run starts from is its config's to say, so nothing stands in for it.
    model = Anatomy.of(task().model(blobs_task.nnx.Rngs(0))).initial()
    with pytest.raises(ValueError, match=rf"cannot take .*checkpoints/{best} is damaged"):
        restore_best(place, *model, no_other=True)
    halved(place / "checkpoints" / str(best) / NOTE)
    with pytest.raises(ValueError, match=rf"cannot take .*checkpoints/{best} is damaged"):
        restore_best(place, *model, no_other=True)


def test_a_checkpoint_that_may_not_be_read_is_not_taken_for_damaged(stopped, tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", "arrays/manifest.ocdbt")

    with Checkpoints(Workdir(stopped[0] / "whole"), read_only=True) as checkpoints:
        monkeypatch.setattr(checkpoints._manager, "restore", refuse)
        with pytest.raises(PermissionError):
            checkpoints.whole_step()


def test_notes_from_before_checksums_are_read(stopped, tmp_path):
    place = tmp_path / "run"
    shutil.copytree(stopped[0] / "whole", place)
    for note in place.glob(f"checkpoints/*/{NOTE}"):
        content = json.loads(note.read_text())
        del content["custom_metadata"]["checksum"]
        note.write_text(json.dumps(content))
    with Checkpoints(Workdir(place), read_only=True) as checkpoints:
        assert checkpoints.whole_step() == 36


def test_the_error_names_the_checkpoint(tmp_path):
    assert "checkpoint x/3 is damaged: why" in str(DamagedCheckpointError("x/3", "why"))
