"""`neurosym export` and `neurosym verify` on a real run: what is written, said and refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from neurosym.cli.main import main
from neurosym.export import load_pipeline, open_artefact

ROOT = Path(__file__).parents[3]
CONFIG = f"--config={ROOT / 'configs' / 'digits_addition.py'}"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of digit addition that ended before its first step, and its artefact."""
    folder = tmp_path_factory.mktemp("exported")
    workdir, path = folder / "run", folder / "add.stablehlo"
    options = [
        "--config.train.epochs=0",
        "--config.data.regroupings=1",
        "--config.encoder.name=mlp",
    ]
    assert main(["train", CONFIG, f"--workdir={workdir}", *options]) == 0
    target = "--target=stablehlo"
    assert main(["export", f"--workdir={workdir}", target, f"--output={path}"]) == 0
    return workdir, path


def fails(capsys, *arguments):
    assert main(list(arguments)) == 2
    return capsys.readouterr().err


def test_the_sums_of_the_artefact_are_the_convolution_of_its_beliefs(run):
    workdir, path = run
    inputs = load_pipeline(workdir).examples(7)
    found = open_artefact(path)(inputs)
    odds = np.exp(found["beliefs"].astype(np.float64))
    odds /= odds.sum(-1, keepdims=True)
    for example, (a, b) in enumerate(odds):
        sums = np.convolve(a, b)
        np.testing.assert_allclose(
            np.exp(found["answer.log_probability"][example]), sums, rtol=1e-4
        )
        assert found["answer.total"][example] == sums.argmax()


def test_verify_says_that_they_agree(run, capsys):
    workdir, path = run
    assert main(["verify", str(path), f"--workdir={workdir}", "--examples=30"]) == 0
    out = capsys.readouterr().out
    assert "30 examples" in out
    assert out.count("equal") == 3
    command = ["verify", str(path), f"--workdir={workdir}", "--examples=30", "--json"]
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["first_mismatch"] is None
    assert max(found["differences"].values()) <= 1e-5


def test_an_artefact_of_another_revision_is_named(run, capsys, tmp_path):
    workdir, path = run
    facts = json.loads(path.with_name("add.stablehlo.json").read_text())
    copy = tmp_path / path.name
    copy.write_bytes(path.read_bytes())
    place = copy.with_name("add.stablehlo.json")
    place.write_text(json.dumps({**facts, "revision": "abc123"}))
    assert main(["verify", str(copy), f"--workdir={workdir}", "--examples=30"]) == 0
    assert "made at the revision abc123" in capsys.readouterr().err
    place.write_text(json.dumps({**facts, "weights": "0" * 64}))
    command = ("verify", str(copy), f"--workdir={workdir}")
    assert "made of other weights" in fails(capsys, *command)


def test_what_is_wrong_is_said_before_anything_is_written(run, capsys, tmp_path):
    workdir, _ = run
    output = f"--output={tmp_path / 'x'}"
    own = f"--workdir={workdir}"
    assert "--target is missing: stablehlo, safetensors" in fails(capsys, "export", own, output)
    assert "--output=FILE is missing" in fails(capsys, "export", own, "--target=stablehlo")
    assert "onxx" in fails(capsys, "export", own, output, "--target=onxx")
    nowhere = f"--workdir={tmp_path / 'gone'}"
    assert "no such folder" in fails(capsys, "export", nowhere, output, "--target=stablehlo")
    assert "give one artefact" in fails(capsys, "verify", own)
    assert "there is no artefact" in fails(capsys, "verify", str(tmp_path / "gone"), own)
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "config.json").write_text((workdir / "config.json").read_text())
    message = fails(capsys, "export", f"--workdir={begun}", output, "--target=stablehlo")
    assert "is not finished: it has no result.json" in message
    assert not (tmp_path / "x").exists()


def test_a_run_starts_from_exported_weights(run, capsys, tmp_path):
    workdir, _ = run
    path = tmp_path / "w.safetensors"
    command = ["export", f"--workdir={workdir}", "--target=safetensors", f"--output={path}"]
    assert main(command) == 0
    message = fails(capsys, "verify", str(path), f"--workdir={workdir}")
    assert "holds weights and not a program" in message
    options = ["--config.train.epochs=0", "--config.data.regroupings=1"]
    options += ["--config.encoder.name=mlp", "--config.seed=7", f"--config.init_from={path}"]
    assert main(["train", CONFIG, f"--workdir={tmp_path / 'warm'}", *options]) == 0
    assert load_pipeline(tmp_path / "warm").weights == load_pipeline(workdir).weights
    options[2] = "--config.encoder.name=resnet"
    message = fails(capsys, "train", CONFIG, f"--workdir={tmp_path / 'other'}", *options)
    assert "do not fit this model" in message
    assert not (tmp_path / "other").exists()
