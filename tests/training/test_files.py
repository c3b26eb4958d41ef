"""Files of a run: whole or not at all, JSON that is JSON, and messages that name the file."""

import json
import math

import ml_collections
import numpy as np
import pytest

from neurosym.training import Workdir, plain_config, read_result
from neurosym.training.files import finite_or_null, json_text, read_json, read_text, write_json
from neurosym.training.result import Result, write_result


def result(**fields):
    values = {
        "metrics": {"accuracy": 0.5},
        "validation": {},
        "seed": 0,
        "steps": 1,
        "best_step": 1,
        "wall_seconds": 1.0,
        "compile_seconds": 1.0,
        "versions": {},
        "device": "cpu",
        "revision": None,
    }
    return Result(**{**values, **fields})


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
def test_what_is_not_finite_is_not_written(tmp_path, value):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1.5})
    with pytest.raises(ValueError, match=r"x\.json: b\[1\]\.c is -?(nan|inf), and JSON has no"):
        write_json(path, {"a": 1, "b": [0, {"c": value}]})
    assert json.loads(path.read_text()) == {"a": 1.5}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]
    with pytest.raises(ValueError, match=r"result\.json: metrics\.accuracy is"):
        write_result(Workdir(tmp_path), result(metrics={"accuracy": float(value)}))
    assert not (tmp_path / "result.json").exists()
    with pytest.raises(ValueError, match=r"config\.lr cannot be written as JSON"):
        plain_config(ml_collections.ConfigDict({"lr": float(value)}))


def test_json_is_what_a_strict_reader_takes():
    value = {"a": [1.0, math.nan, (math.inf, "NaN")], "b": True, "c": None}

    def refuse(constant):
        raise AssertionError(constant)

    text = json_text(finite_or_null(value))
    read = json.loads(text, parse_constant=refuse)
    assert read == {"a": [1.0, None, [None, "NaN"]], "b": True, "c": None}


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff", b"\xff\xfe", b"", b'"x"', b"\x00" * 20])
def test_every_reader_names_its_file(tmp_path, content):
    place = Workdir(tmp_path)
    for path in (place.config, place.result):
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"config\.json is not the config.*another --workdir"):
        place.read_config()
    with pytest.raises(ValueError, match=r"result\.json is not the result.*Remove it"):
        read_result(place)
    with pytest.raises(ValueError, match=r"result\.json is not a thing: .*\. Mend it"):
        read_json(place.result, "a thing", "Mend it.")


def test_text_that_is_none_is_named(tmp_path):
    path = tmp_path / "x.md"
    path.write_bytes(b"\xff")
    with pytest.raises(ValueError, match=r"x\.md is not a page: 'utf-8' codec can't decode"):
        read_text(path, "a page")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"metrics": {"a": "x"}}, "metrics must be numbers by name"),
        ({"validation": [1]}, "validation must be numbers by name"),
        ({"seed": 1.5}, "seed must be an integer"),
        ({"steps": None}, "steps must be an integer"),
        ({"wall_seconds": "long"}, "wall_seconds must be a number"),
        ({"colour": 1}, "unexpected keyword argument 'colour'"),
    ],
)
def test_a_result_with_other_fields_is_named(tmp_path, fields, message):
    place = Workdir(tmp_path)
    write_result(place, result())
    assert read_result(place) == result()
    content = json.loads(place.result.read_text())
    place.result.write_text(json.dumps({**content, **fields}))
    with pytest.raises(ValueError, match=rf"result\.json is not the result.*{message}.*Remove it"):
        read_result(place)


def test_json_is_written_whole_or_not_at_all(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]
