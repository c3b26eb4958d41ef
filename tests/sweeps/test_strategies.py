"""Samplers and pruners by name: what they propose depends on seed, number and history alone."""

import optuna
import pytest

from neurosym.sweeps import PRUNERS, SAMPLERS, make_pruner, make_sampler

optuna.logging.set_verbosity(optuna.logging.ERROR)


def run(study, trials):
    for _ in range(trials):
        trial = study.ask()
        x = trial.suggest_float("x", -4, 4, step=0.25)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        y = trial.suggest_float("y", 0, 1, step=0.25) if kind == "b" else 0.0
        study.tell(trial, -((x - 1) ** 2) + y)
    return [trial.params for trial in study.trials]


def study_of(sampler, storage=None):
    return optuna.create_study(
        sampler=sampler, direction="maximize", storage=storage, study_name="s", load_if_exists=True
    )


@pytest.mark.parametrize("name", sorted(SAMPLERS))
def test_a_sweep_in_two_parts_proposes_what_one_in_one_part_does(name):
    whole = run(study_of(make_sampler(name, seed=3)), 14)
    storage = optuna.storages.InMemoryStorage()
    run(study_of(make_sampler(name, seed=3), storage), 6)
    assert run(study_of(make_sampler(name, seed=3), storage), 8) == whole
    other = run(study_of(make_sampler(name, seed=4)), 14)
    assert other != whole


def test_workers_do_not_repeat_each_others_draws():
    storage = optuna.storages.InMemoryStorage()
    one = study_of(make_sampler("random", seed=0), storage)
    two = study_of(make_sampler("random", seed=0), storage)
    draws = [s.ask().suggest_float("x", 0, 1) for s in (one, two, one, two)]
    assert len(set(draws)) == 4


def test_the_tree_estimator_finds_the_better_half_more_often_than_chance():
    params = run(study_of(make_sampler("tpe", seed=0)), 50)
    late = [abs(p["x"] - 1) for p in params[25:]]
    early = [abs(p["x"] - 1) for p in params[:10]]
    assert sum(late) / len(late) < sum(early) / len(early)


def test_a_grid_is_tried_once_and_then_exhausted():
    sampler = make_sampler("grid", seed=0)
    study = study_of(sampler)
    seen = []
    while not sampler.exhausted:
        trial = study.ask()
        seen.append((trial.suggest_int("a", 1, 3), trial.suggest_categorical("b", ["x", "y"])))
        study.tell(trial, 0.0)
        assert len(seen) <= 6
    assert sorted(seen) == [(a, b) for a in (1, 2, 3) for b in "xy"]


def falling_behind(pruner, epochs=9, trials=12):
    """The last epochs of trials whose value is 0.9 throughout for the first six, then 0.1."""
    study = optuna.create_study(direction="maximize", pruner=make_pruner(pruner, epochs=epochs))
    ends = []
    for number in range(trials):
        trial = study.ask()
        value = 0.9 if number < 6 else 0.1
        for epoch in range(1, epochs + 1):
            trial.report(value, epoch)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, value)
        ends.append(epoch)
    return ends


def test_the_median_gives_up_what_is_behind_after_the_first_trials():
    assert falling_behind("median") == [9] * 6 + [2] * 6
    assert falling_behind("median", epochs=3) == [3] * 6 + [1] * 6
    assert falling_behind("none") == [9] * 12


@pytest.mark.parametrize("name", ["hyperband", "asha"])
def test_halving_gives_up_most_of_what_is_behind(name):
    ends = falling_behind(name)
    assert min(ends[6:]) < 9
    assert sum(ends[6:]) < 6 * 9


def test_names_are_checked():
    with pytest.raises(ValueError, match="no sampler 'cmaes'; there are tpe"):
        make_sampler("cmaes", seed=0)
    with pytest.raises(ValueError, match="no pruner 'mean'; there are median"):
        make_pruner("mean", epochs=3)
    for name in PRUNERS:
        make_pruner(name, epochs=1)
