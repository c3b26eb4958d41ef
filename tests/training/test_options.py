"""Options: one value for what a caller asks; the former keywords still work."""

import blobs_task
import pytest

from neurosym.training import Options, SilentProgress, train


def test_former_keywords_are_options_with_a_warning(tmp_path):
    config = blobs_task.get_config()
    config.train.epochs = 0
    task = blobs_task.Blobs(config)
    with pytest.warns(DeprecationWarning, match=r"write options=Options\(judge_test=…\)"):
        result = train(config, tmp_path, task=task, judge_test=False)
    assert result.metrics == {}
    assert task.asked == ["train", "validation"]
    with pytest.warns(DeprecationWarning, match=r"progress=…, profile=…"):
        train(
            config,
            tmp_path,
            task=task,
            options=Options(judge_test=False),
            progress=SilentProgress(),
            profile=False,
        )
    assert not (tmp_path / "result.json").exists()


def test_what_is_no_option_is_refused(tmp_path):
    with pytest.raises(TypeError, match="unexpected keyword argument 'progres'"):
        train(blobs_task.get_config(), tmp_path, progres=None)
