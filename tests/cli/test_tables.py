"""What commands print."""

import json
import math

import numpy as np

from neurosym.cli.tables import print_json


def test_printed_json_is_json(capsys):
    values = {"metrics": {"a": math.nan, "b": 1.5}, "array": np.array([[1, 2], [3, 4]]), "x": "ü"}
    print_json({**values, "of": np.array([0.5, np.inf], np.float32)})

    def refuse(constant):
        raise AssertionError(constant)

    out = capsys.readouterr().out
    assert json.loads(out, parse_constant=refuse) == {
        "metrics": {"a": None, "b": 1.5},
        "array": [[1, 2], [3, 4]],
        "x": "ü",
        "of": [0.5, None],
    }
    assert "ü" in out
