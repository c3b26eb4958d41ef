"""Published figures: what the files say, and what is refused where."""

import copy
import json
from pathlib import Path

import pytest
from reports.writing import PUBLISHED, TOY_CONFIG

from neurosym.cli.configs import load_config
from neurosym.reports import load_experiment, load_published

FILES = sorted((Path(__file__).parents[2] / "configs" / "published").glob("*.json"))


def write(tmp_path, content):
    path = tmp_path / "toy.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_file_is_read(tmp_path):
    published = load_published(write(tmp_path, PUBLISHED))
    assert published.name == published.experiment == "toy"
    first, second = published.published
    assert first.figures == {"small": (94.0, 0.3), "large": "91.4 to 95.2"}
    assert second.figures == {"small": "timeout", "large": 90}
    assert published.sources["paper"].url == "https://example.org/p"
    assert published.variants["wide"].goals == {"accuracy": 97.0}
    assert published.curve_metric == "accuracy"


DELETE = object()


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (["title"], DELETE, "title must be a text, got None"),
        (["seeds"], 0, "seeds must be a whole number from 1, got 0"),
        (["seeds"], True, "seeds must be a whole number"),
        (["colums"], [], "colums is not a field; the fields are title"),
        (["columns"], "N=1", "columns must be a list, got 'N=1'"),
        (["columns", 0, "metric"], "acuracy", "columns[0].metric names 'acuracy'; there are: acc"),
        (["columns", 1, "name"], "small", "columns have a name twice"),
        (["columns"], [{"name": "m", "metric": "minutes"}], "columns must have one with a metric"),
        (["published", 1], "x", "published[1] must hold fields"),
        (["published", 1, "value"], 3, "published[1].value is not a field"),
        (["published", 0, "source"], "papr", "published[0].source names 'papr'; there are: paper"),
        (["published", 0, "figures", "smal"], 3, "published[0].figures names 'smal'"),
        (["published", 0, "figures", "small"], [1, 2, 3], "published[0].figures.small must be"),
        (["published", 0, "figures", "small"], {"from": 1}, "published[0].figures.small must be"),
        (["published", 0, "figures", "small"], True, "published[0].figures.small must be"),
        (["published", 0, "notes"], ["x"], "published[0].notes names 'x'; there are: honest"),
        (["published", 0, "notes"], "honest", "published[0].notes must be a list of texts"),
        (["ours", 0, "variants", "small"], "n1", "ours[0].variants.small names 'n1'"),
        (["ours", 0, "variants", "smal"], "plain", "ours[0].variants names 'smal'"),
        (["variants"], {}, "variants must name at least one"),
        (["variants", "plain", "goals", "accuracy"], "95", "variants.plain.goals.accuracy must be"),
        (["variants", "plain", "goals"], {"loss": 1}, "variants.plain.goals names 'loss'"),
        (["variants", "plain", "gaols"], {}, "variants.plain.gaols is not a field"),
        (["variants", "a/b"], {}, "variants.a/b is not the name of a variant"),
        (["notes", "honest"], 3, "notes.honest must be a text, got 3"),
        (["sources", "talk"], {}, "sources.talk.text must be a text"),
        (["remarks"], "x", "remarks must be a list of texts"),
    ],
)
def test_what_is_wrong_is_said_with_file_and_field(tmp_path, place, value, message):
    content = copy.deepcopy(PUBLISHED)
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    if value is DELETE:
        del inner[place[-1]]
    else:
        inner[place[-1]] = value
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=r"toy\.json") as caught:
        load_published(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("text", ["{", "[]", '"x"'])
def test_what_is_no_object_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match=r"toy\.json"):
        load_published(write(tmp_path, text))
    with pytest.raises(ValueError, match=r"absent\.json cannot be read"):
        load_published(tmp_path / "absent.json")


def test_every_experiment_has_its_published_figures():
    assert {path.stem for path in FILES} == {
        "digits_addition",
        "formula",
        "grandparent",
        "kinship",
        "mnist_addition",
        "mnist_classification",
        "visual_sudoku",
    }


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_variants_and_reductions_of_ours_fit_the_configs(path):
    full = load_experiment(path, load_config)
    quick = load_experiment(path, load_config, quick=True)
    assert full.published.config == f"configs/{path.stem}.py"
    assert full.configs.keys() == quick.configs.keys()
    for variant, config in full.configs.items():
        assert config.seed == 0
        assert quick.configs[variant].train.epochs < config.train.epochs
    noted = {n for row in (*full.published.published, *full.published.ours) for n in row.notes}
    noted |= {n for variant in full.published.variants.values() for n in variant.notes}
    assert noted == set(full.published.notes), "a footnote that nobody calls for"


def test_a_config_or_reduction_that_is_not_there_is_named(tmp_path):
    content = {**PUBLISHED, "config": str(tmp_path / "gone.py")}
    with pytest.raises(ValueError, match=r"toy\.json: variants\.plain: there is no config file"):
        load_experiment(write(tmp_path, content), load_config)
    (tmp_path / "toy.py").write_text(TOY_CONFIG)
    content = {**PUBLISHED, "config": str(tmp_path / "toy.py"), "quick": {"epoch": 1}}
    load_experiment(write(tmp_path, content), load_config)
    with pytest.raises(ValueError, match=r"toy\.json: quick\.epoch cannot be set in"):
        load_experiment(write(tmp_path, content), load_config, quick=True)
    with pytest.raises(ValueError, match="says nothing of what a reduced budget is"):
        load_experiment(write(tmp_path, {**content, "quick": {}}), load_config, quick=True)
