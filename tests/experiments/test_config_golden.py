"""The dictionaries that configs make and the spaces that they search stay what they were.

Records are found by the hash of a config, and studies are continued by their space, so neither may
change by a rewriting of the files. A deliberate change of a config changes its lines here too.
"""

import hashlib
import json
from pathlib import Path

import pytest

from neurosym.cli.configs import load_config, load_function
from neurosym.reports import config_hash
from neurosym.training import plain_config

ROOT = Path(__file__).parents[2]
GOLDEN = json.loads((Path(__file__).parent / "config_golden.json").read_text())
CONFIGS = {path.stem: path for path in sorted((ROOT / "configs").glob("[!_]*.py"))}


class Recorder:
    """A trial that writes down what it is asked, and gives the first or the last choice."""

    def __init__(self, choice: int) -> None:
        self.asked = []
        self.choice = choice

    def suggest_float(self, name, low, high, **options):
        self.asked.append(["float", name, low, high, options])
        return low

    def suggest_int(self, name, low, high, **options):
        self.asked.append(["int", name, low, high, options])
        return low

    def suggest_categorical(self, name, choices):
        self.asked.append(["categorical", name, list(choices)])
        return choices[self.choice]


def sources():
    for name, path in CONFIGS.items():
        variants = load_function(str(path), "get_config").__globals__["VARIANTS"]
        yield name, str(path)
        yield from ((f"{name}:{variant}", f"{path}:{variant}") for variant in variants)


def digest(value, **options):
    text = json.dumps(value, separators=(",", ":"), **options)
    return hashlib.sha256(text.encode()).hexdigest()


def test_every_variant_and_every_space_is_listed():
    names = {name for name, _ in sources()} | {f"{name} sweep" for name in CONFIGS}
    assert names == set(GOLDEN)


@pytest.mark.parametrize(("name", "source"), list(sources()))
def test_the_dictionary_of_a_variant(name, source):
    config = load_config(source)
    found = {
        "hash": config_hash(config),
        "sha256": digest(plain_config(config).to_dict(), sort_keys=True),
    }
    assert found == GOLDEN[name]


@pytest.mark.parametrize("name", CONFIGS)
def test_the_space_of_a_sweep(name):
    found = []
    for choice in (0, -1):
        trial = Recorder(choice)
        fields = load_function(str(CONFIGS[name]), "sweep")(trial)
        found.append([trial.asked, list(fields.items())])
    assert digest(found) == GOLDEN[f"{name} sweep"]["sha256"]
