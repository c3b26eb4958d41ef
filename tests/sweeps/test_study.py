"""The study of a sweep: who it belongs to, how places are counted, who is retried."""

import threading
import time
from datetime import timedelta

import ml_collections
import pytest
from optuna.trial import TrialState

from neurosym.sweeps import Space, SweepStudy, make_pruner, make_sampler, summarise
from neurosym.sweeps.storage import hide_password, sqlite_url
from neurosym.sweeps.study import claim_folder
from neurosym.sweeps.trials import WORKER, best_of


def space_of(width=8, high=16):
    config = ml_collections.ConfigDict({"width": width, "kinds": [1, 2]})
    choices = [[1, 2], [3]]

    def sweep(trial):
        return {
            "width": trial.suggest_int("width", 2, high),
            "kinds": trial.suggest_categorical("kinds", choices),
        }

    return Space(config, sweep)


def open_study(folder, space=None, **options):
    study = SweepStudy(sqlite_url(folder / "study.db"), "s", **options)
    study.create(space or space_of())
    study.load(sampler=make_sampler("random", seed=0), pruner=make_pruner("none", epochs=3))
    return study


def begin(study, total=3):
    trial = study.next_trial(total)
    assert trial is not None
    space_of().propose(trial)
    return trial


def states(study):
    return [trial.state.name for trial in study.trials()]


def test_trial_0_has_the_configs_own_values(tmp_path):
    trial = begin(open_study(tmp_path))
    assert trial.number == 0
    assert trial.params == {"width": 8, "kinds": "[1, 2]"}


def test_places_are_counted_over_all_who_share_the_study(tmp_path):
    one, two = open_study(tmp_path), open_study(tmp_path)
    first, second, third = begin(one), begin(two), begin(one)
    assert [first.number, second.number, third.number] == [0, 1, 2]
    assert two.next_trial(3) is None
    assert not two.is_over(3)
    one.finish(first, value=0.5)
    two.finish(second, state=TrialState.PRUNED)
    one.finish(third, state=TrialState.FAIL)
    assert two.is_over(3)
    assert not two.is_over(4)
    assert begin(two, 4).number == 3


def test_two_who_want_the_last_place_get_it_once(tmp_path):
    studies = [open_study(tmp_path) for _ in range(3)]
    barrier = threading.Barrier(3)
    found = []

    def take(study):
        barrier.wait()
        while (trial := study.next_trial(5)) is not None:
            found.append(trial.number)

    threads = [threading.Thread(target=take, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 5
    assert len(summarise(studies[0].trials())) == 5, "a trial too many is not shown"


def test_a_trial_that_is_put_back_goes_on_under_its_number_with_its_values(tmp_path):
    study = open_study(tmp_path)
    begin(study)
    trial = begin(study)
    study.put_back(trial)
    assert states(study) == ["RUNNING", "WAITING"]
    again = open_study(tmp_path).next_trial(3)
    assert again.number == 1
    assert space_of().propose(again).fields["width"] == trial.params["width"]


def test_a_trial_that_waits_does_not_run_beyond_the_number_wanted(tmp_path):
    study = open_study(tmp_path)
    first, second = begin(study), begin(study)
    study.put_back(second)
    study.finish(first, value=1.0)
    assert study.next_trial(1) is None
    assert study.is_over(1)
    assert study.next_trial(2).number == 1


def test_the_trial_of_a_dead_worker_is_marked_and_retried_in_its_place(tmp_path):
    study = open_study(tmp_path)
    trial = begin(study)
    trial.report(0.25, 1)
    trial.set_user_attr(WORKER, "here:1")
    other = begin(study)
    other.set_user_attr(WORKER, "here:2")
    assert study.retry_of_worker("here:1", "it died") == [0]
    assert states(study) == ["FAIL", "RUNNING", "WAITING"]
    retry = begin(study)
    assert retry.number == 2
    shown = summarise(study.trials())
    assert shown[0].retried
    assert shown[0].error == "it died"
    assert shown[2].retry_of == 0
    assert shown[2].params == shown[0].params
    assert shown[2].value == 0.25, "what was measured before stays known"
    # The dead one may tell what it likes.
    study.finish(trial, value=1.0)
    assert states(study)[0] == "FAIL"
    study.finish(other, value=0.1)
    study.finish(retry, value=0.5)
    assert begin(study).number == 3, "a trial and its retry are one of three"
    assert best_of(summarise(study.trials())).number == 2


def test_a_trial_whose_workers_die_again_and_again_is_given_up(tmp_path):
    study = open_study(tmp_path)
    for number in range(3):
        trial = begin(study, 1)
        assert trial.number == number
        trial.set_user_attr(WORKER, "here:1")
        assert study.retry_of_worker("here:1", "it died") == [number]
    assert states(study) == ["FAIL"] * 3
    assert study.is_over(1)
    assert [t.retried for t in summarise(study.trials())] == [True, True, False]


def test_who_gives_no_sign_of_life_is_dead_and_who_does_is_not(tmp_path):
    study = open_study(tmp_path, heartbeat=1)
    dead, living = begin(study), begin(study)
    with study.alive(dead):
        pass
    with study.alive(living):
        assert study.retry_stale() == []
        time.sleep(5.5)
        assert study.retry_stale() == [0]
        assert study.retry_stale() == []
    assert states(study) == ["FAIL", "RUNNING", "WAITING"]


def test_a_trial_that_nobody_took_for_long_is_retried(tmp_path, monkeypatch):
    study = open_study(tmp_path)
    begin(study)
    taken = begin(study)
    taken.set_user_attr(WORKER, "here:1")
    study.retry_stale()
    assert states(study) == ["RUNNING", "RUNNING"]
    monkeypatch.setattr("neurosym.sweeps.study._BEGINNING", timedelta(0))
    study.retry_stale()
    assert states(study) == ["FAIL", "RUNNING", "WAITING"]


def test_another_config_or_space_is_refused_with_what_differs(tmp_path):
    open_study(tmp_path)
    with pytest.raises(ValueError, match="another config or space") as caught:
        open_study(tmp_path, space_of(width=9, high=20))
    assert "config.width: 8 → 9" in str(caught.value)
    assert "range of width: 2 to 16 → 2 to 20" in str(caught.value)
    assert "kinds" not in str(caught.value)


def test_a_folder_belongs_to_one_study(tmp_path):
    one = SweepStudy(sqlite_url(tmp_path / "one.db"), "s")
    identity = one.create(space_of())
    claim_folder(tmp_path, one, identity)
    claim_folder(tmp_path, one, one.create(space_of()))
    two = SweepStudy(sqlite_url(tmp_path / "two.db"), "s")
    with pytest.raises(ValueError, match="holds the trials of another study"):
        claim_folder(tmp_path, two, two.create(space_of()))


def test_storages_that_cannot_be_opened_are_said_without_the_password(tmp_path):
    with pytest.raises(ValueError, match="not a storage URL"):
        SweepStudy("nonsense", "s")
    with pytest.raises(ValueError, match="cannot be opened") as caught:
        SweepStudy("postgresql://me:secret@localhost:1/none", "s")
    assert "secret" not in str(caught.value)
    with pytest.raises(ValueError, match="needs a driver"):
        SweepStudy("mysql://me:secret@localhost:1/none", "s")
    assert hide_password("postgresql://me:secret@host/x") == "postgresql://me:***@host/x"
    with pytest.raises(ValueError, match="no study 'other'"):
        SweepStudy(sqlite_url(tmp_path / "study.db"), "other").load()
