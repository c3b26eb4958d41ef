"""Pictures of logic programs: dependencies in layers, proofs as lines."""

import numpy as np
import pytest
from PIL import Image

from neurosym.plots import dependency_graph, proof_trees


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


def near(picture, colour):
    wanted = [int(colour[n : n + 2], 16) for n in (1, 3, 5)]
    return int((np.abs(picture - wanted).sum(-1) < 24).sum())


def test_recursion_has_a_ground_and_negation_a_colour(tmp_path):
    names, parts = ["a/0", "b/1", "c/2"], [[2], [1], [0]]
    plain = pixels(
        dependency_graph(names, {(0, 1): False, (1, 2): False}, parts, tmp_path / "plain.png")
    )
    marked = pixels(
        dependency_graph(names, {(0, 1): True, (1, 1): False}, parts, tmp_path / "marked.png")
    )
    assert near(plain, "#fde7c8") == 0 < near(marked, "#fde7c8")
    assert near(plain, "#c05621") == 0 < near(marked, "#c05621")
    cycle = dependency_graph(
        names[:2], {(0, 1): False, (1, 0): False}, [[0, 1]], tmp_path / "c.png"
    )
    assert near(pixels(cycle), "#fde7c8") > 0
    with pytest.raises(ValueError, match="nothing to draw"):
        dependency_graph([], {}, [], tmp_path / "none.png")


def test_proofs_grow_with_their_lines(tmp_path):
    lines = [(0, "q"), (1, "0.5::a"), (1, "\\+ b")]
    short = proof_trees([("q, proof 1", lines)], tmp_path / "short.png", heading="program.pl")
    long = proof_trees([("q, proof 1", lines)] * 3, tmp_path / "long.png")
    assert pixels(long).shape[0] > pixels(short).shape[0]
    assert near(pixels(short), "#1d4f91") > 0
    with pytest.raises(ValueError, match="no proof"):
        proof_trees([], tmp_path / "none.png")
