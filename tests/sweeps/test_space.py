"""The space of a config: defaults, what a trial proposes, and every fault in the user's terms."""

import ml_collections
import optuna
import pytest

from neurosym.sweeps import Space


def config_with(**fields):
    return ml_collections.ConfigDict(
        {
            "data": {"final": True, "noise": 0.5, "name": None},
            "encoder": {"width": 8, "maps": (6, 16), "kind": "mlp"},
            "train": {"epochs": 3},
            "optimizer": {"name": "adam", "learning_rate": 0.01, "momentum": 0.0},
            **fields,
        }
    )


def conditional(trial):
    name = trial.suggest_categorical("optimizer.name", ["adam", "sgd"])
    fields = {
        "data.final": False,
        "optimizer.name": name,
        "optimizer.learning_rate": trial.suggest_float(
            "optimizer.learning_rate", 1e-3, 1, log=True
        ),
        "encoder.maps": trial.suggest_categorical("encoder.maps", [(6, 16), (8, 32)]),
        "encoder.width": trial.suggest_int("encoder.width", 4, 12, step=2),
    }
    if name == "sgd":
        fields["optimizer.momentum"] = trial.suggest_float("optimizer.momentum", 0.0, 0.9)
    return fields


def test_the_defaults_are_the_configs_own_values_and_constants_are_set():
    proposal = Space(config_with(), conditional).defaults()
    assert proposal.fields == {
        "data.final": False,
        "optimizer.name": "adam",
        "optimizer.learning_rate": 0.01,
        "encoder.maps": [6, 16],
        "encoder.width": 8,
    }
    assert set(proposal.distributions) == set(proposal.fields) - {"data.final"}
    assert proposal.config.data.final is False
    assert proposal.config.data.noise == 0.5


def test_a_trial_sets_the_config_and_its_conditional_fields_only_where_they_are():
    space = Space(config_with(), conditional)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    seen = set()
    for _ in range(30):
        trial = study.ask()
        proposal = space.propose(trial)
        config = proposal.config
        name = config.optimizer.name
        seen.add((name, tuple(config.encoder.maps)))
        assert ("optimizer.momentum" in trial.params) == (name == "sgd")
        assert config.optimizer.momentum == trial.params.get("optimizer.momentum", 0.0)
        assert config.encoder.width == trial.params["encoder.width"]
        assert config.encoder.width in (4, 6, 8, 10, 12)
        assert 1e-3 <= config.optimizer.learning_rate <= 1
    assert len(seen) == 4, "both optimisers with both maps"
    assert space.config.optimizer.name == "adam", "the base config stays as it is"


def test_everything_that_may_be_asked_for_is_found_whatever_branch_it_is_on():
    space = Space(config_with(), conditional)
    assert "optimizer.momentum" not in space.defaults().distributions
    found = space.everything()
    assert set(found) == {*space.defaults().distributions, "optimizer.momentum"}
    assert (
        "optimizer.momentum"
        not in Space(config_with(), conditional, fixed=["optimizer.name"]).everything()
    )

    def nested(trial):
        fields = {"encoder.kind": trial.suggest_categorical("encoder.kind", ["mlp", "lenet"])}
        if fields["encoder.kind"] == "lenet":
            fields["data.name"] = trial.suggest_categorical("data.name", [None, "a", "b"])
            if fields["data.name"] == "b":
                fields["optimizer.momentum"] = trial.suggest_float("optimizer.momentum", 0, 1)
        return fields

    found = Space(config_with(), nested).everything()
    assert sorted(found) == ["data.name", "encoder.kind", "optimizer.momentum"]


def test_a_field_that_is_fixed_is_not_varied_nor_set():
    space = Space(config_with(), conditional, fixed=["optimizer.learning_rate", "data.final"])
    trial = optuna.create_study().ask()
    proposal = space.propose(trial)
    assert proposal.config.optimizer.learning_rate == 0.01
    assert proposal.config.data.final is True
    assert "optimizer.learning_rate" not in trial.params
    # A value of one's own may lie outside the range.
    Space(
        config_with(optimizer={"name": "adam", "learning_rate": 7.0, "momentum": 0.0}),
        conditional,
        fixed=["optimizer.learning_rate"],
    )


def test_an_int_does_for_a_float_field():
    space = Space(
        config_with(),
        lambda t: {"data.noise": 1, "train.epochs": t.suggest_int("train.epochs", 1, 4)},
    )
    assert type(space.defaults().config.data.noise) is float


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda t: {}, "varies nothing"),
        (lambda t: 3, "must return a mapping"),
        (
            lambda t: {"encoder.widht": t.suggest_int("encoder.widht", 1, 9)},
            r"no config\.encoder\.widht; near matches: config\.encoder\.width",
        ),
        (
            lambda t: {"encoder.width": t.suggest_int("encoder.width", 10, 16)},
            r"config\.encoder\.width is 8, which is not among 10 to 16",
        ),
        (
            lambda t: {"encoder.width": t.suggest_int("encoder.width", 1, 16, step=2)},
            "not among 1 to 15 in steps of 2",
        ),
        (
            lambda t: {"encoder.width": t.suggest_float("encoder.width", 1.0, 16.0)},
            r"config\.encoder\.width is 8, not a float; use suggest_int",
        ),
        (
            lambda t: {"encoder.kind": t.suggest_int("encoder.kind", 1, 16)},
            "'mlp', not a number; use suggest_categorical",
        ),
        (
            lambda t: {"encoder.kind": t.suggest_categorical("encoder.kind", ["lenet", "resnet"])},
            "'mlp', which is not among lenet, resnet",
        ),
        (
            lambda t: {"encoder.kind": t.suggest_categorical("encoder.kind", ["mlp", 3])},
            r"3 is not a value for config\.encoder\.kind",
        ),
        (
            lambda t: {"data.final": t.suggest_categorical("data.final", [True, 1])},
            "1 is not a value",
        ),
        (
            lambda t: {"encoder.width": t.suggest_int("encoder.width", 16, 4)},
            r"the range of encoder\.width is wrong",
        ),
        (
            lambda t: {"data.noise": float(t.suggest_int("encoder.width", 1, 9))},
            r"asks for encoder\.width, but does not return it",
        ),
        (
            lambda t: {
                "encoder.width": t.suggest_int("encoder.width", 1, 9)
                + t.suggest_int("encoder.width", 1, 10)
            },
            "twice, with different ranges",
        ),
        (
            lambda t: {"encoder.width": str(t.suggest_int("encoder.width", 1, 9))},
            r"sets config\.encoder\.width to '8', but it is int",
        ),
        (
            lambda t: {"train.epochs": t.suggest_int("train.epochs", 1, 9), "encoder": {}},
            r"no config\.encoder;",
        ),
    ],
)
def test_what_does_not_fit_is_said_before_anything_runs(function, message):
    with pytest.raises(ValueError, match=message):
        Space(config_with(), function)


def test_the_loops_own_limits_hold_for_what_is_set():
    with pytest.raises(ValueError, match=r"config\.optimizer\.learning_rate must be at least 0"):
        Space(
            config_with(),
            lambda t: {
                "optimizer.learning_rate": -1.0,
                "encoder.width": t.suggest_int("encoder.width", 1, 9),
            },
        )


def test_other_methods_of_a_trial_are_refused_by_name():
    with pytest.raises(AttributeError, match="no 'suggest_loguniform'"):
        Space(config_with(), lambda t: t.suggest_loguniform("data.noise", 0.1, 1))


def test_the_identity_sees_config_ranges_and_source():
    def wider(trial):
        return {"encoder.width": trial.suggest_int("encoder.width", 4, 20)}

    def narrower(trial):
        return {"encoder.width": trial.suggest_int("encoder.width", 4, 12)}

    def hidden(trial):
        fields = {"encoder.width": trial.suggest_int("encoder.width", 4, 12)}
        if fields["encoder.width"] == 4:
            fields["data.noise"] = 0.1
        return fields

    def differing(one, two):
        return {name for name in one | two if one.get(name) != two.get(name)}

    base = Space(config_with(), narrower).identity()
    assert base == Space(config_with(), narrower).identity()
    assert differing(base, Space(config_with(), wider).identity()) == {
        "range of encoder.width",
        "sweep(trial)",
    }
    assert differing(base, Space(config_with(), hidden).identity()) == {"sweep(trial)"}
    more = Space(config_with(train={"epochs": 4}), narrower).identity()
    assert differing(base, more) == {"config.train.epochs"}
