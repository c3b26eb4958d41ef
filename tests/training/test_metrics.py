"""`metrics.jsonl`: a line is written at once, and read with its number."""

import math

import pytest

from neurosym.training import Workdir
from neurosym.training.metrics import MetricsLog, read_metrics


def test_values_that_are_not_finite_become_null(tmp_path):
    with MetricsLog(Workdir(tmp_path)) as log:
        log.write({"step": 1, "epoch": 1, "split": "train", "loss": math.nan})
    assert read_metrics(tmp_path / "metrics.jsonl")[0]["loss"] is None


def test_only_a_last_line_of_metrics_may_be_cut_off(tmp_path):
    path = Workdir(tmp_path).metrics
    assert read_metrics(path) == []
    good = '{"step": 1, "split": "train"}\n'
    path.write_text(good + '{"step": 2, "sp')
    assert [r["step"] for r in read_metrics(path)] == [1]
    path.write_text(good + '{"step": 2, "sp\n' + good)
    with pytest.raises(ValueError, match=r"metrics\.jsonl is not the metrics.*line 2: .*or that"):
        read_metrics(path)
    path.write_text(good + "7\n" + good)
    with pytest.raises(ValueError, match=r"metrics\.jsonl is not the metrics.*line 2 has no step"):
        read_metrics(path)
    path.write_bytes(good.encode() + b"\xff\n")
    with pytest.raises(ValueError, match=r"metrics\.jsonl is not .*codec.*Remove the file"):
        read_metrics(path)
