"""What the tests of pictures share."""

import matplotlib.figure
import pytest


@pytest.fixture
def figures(monkeypatch):
    """The figures that are saved while a test runs."""
    saved = []
    original = matplotlib.figure.Figure.savefig

    def savefig(self, *arguments, **options):
        saved.append(self)
        original(self, *arguments, **options)

    monkeypatch.setattr(matplotlib.figure.Figure, "savefig", savefig)
    return saved
