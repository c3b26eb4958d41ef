"""The loop's part of a config: what is wrong is named, with what is near."""

import dataclasses

import ml_collections
import pytest

from neurosym.training import Settings


def test_settings_name_near_matches_and_types():
    config = ml_collections.ConfigDict({"train": {"epoch": 3}})
    with pytest.raises(ValueError, match=r"there is no config\.train\.epoch; near it are: epochs"):
        Settings.from_config(config)
    config = ml_collections.ConfigDict({"optimizer": {"learning_rate": "fast"}})
    with pytest.raises(ValueError, match=r"learning_rate must be float, got 'fast'"):
        Settings.from_config(config)
    config = ml_collections.ConfigDict({"train": {"epochs": True}})
    with pytest.raises(ValueError, match="must be int, got True"):
        Settings.from_config(config)


@pytest.mark.parametrize(
    ("slip", "field"),
    [("optimiser", "optimizer"), ("sed", "seed"), ("trian", "train"), ("training", "train")],
)
def test_a_slip_beside_the_sections_is_no_field_of_the_task(slip, field):
    config = ml_collections.ConfigDict({"task": "a:B", slip: {}, "mask": 1, "reasoning": {}})
    with pytest.raises(ValueError, match=rf"config\.{slip} looks like config\.{field}, which"):
        Settings.from_config(config)
    config[field] = 0 if field == "seed" else {}
    assert Settings.from_config(config).train.epochs == 10, "beside the real one, it is a task's"


@pytest.mark.parametrize("seed", [-1, 2**32, True, 1.0, "0"])
def test_seeds_that_are_none_are_refused_however_settings_are_made(seed):
    with pytest.raises(ValueError, match=r"config\.seed must be an int from 0"):
        Settings.from_config(ml_collections.ConfigDict({"seed": seed}))
    with pytest.raises(ValueError, match=r"config\.seed must be an int from 0"):
        dataclasses.replace(Settings.from_config(ml_collections.ConfigDict()), seed=seed)
