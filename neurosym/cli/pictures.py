"""The pictures of a finished run: learning curves, and what its task draws.

The run is finished and judged by then, so a picture that cannot be drawn is reported, and nothing
fails.
"""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from neurosym.cli.places import import_roots
from neurosym.training import Workdir

_CURVES = "learning_curves.png"


def draw_pictures(place: Workdir, *, data_dir: str | None, debug: bool) -> list[Path]:
    """Draws the pictures of a finished run, unless they are there.

    Args:
      place: where the run is, and the pictures go.
      data_dir: where the task looks for its data.
      debug: whether the traceback of an error is shown.

    Returns:
      Where the pictures are.
    """
    curves = place.path / _CURVES
    if curves.exists():
        return sorted(place.path.glob("*.png"))
    from neurosym.training import load_run, load_task, picture_run

    metric = "loss"

    def of_task() -> list[Path]:
        nonlocal metric
        task = load_task(place.read_config(), data_dir=data_dir, import_roots=import_roots())
        metric = task.metric
        return picture_run(load_run(place.path, task=task), place.path)

    def of_metrics() -> list[Path]:
        from neurosym.plots import learning_curves
        from neurosym.training import read_metrics

        records = read_metrics(place.metrics)
        return [learning_curves(records, curves, metric=metric)] if records else []

    def attempt(draw: Callable[[], list[Path]], what: str) -> list[Path]:
        safe = (
            f"The result is safe in {place.result}. Remove {curves} and give the same command "
            "again to draw anew."
        )
        return drawn_or_said(draw, what, command="train", safe=safe, debug=debug)

    drawn = attempt(of_task, "the task's pictures")
    return [*attempt(of_metrics, "the learning curves"), *drawn]


def drawn_or_said(
    draw: Callable[[], list[Path]], what: str, *, command: str, safe: str, debug: bool
) -> list[Path]:
    """What `draw` returns; nothing where it fails, which is said on standard error.

    Args:
      draw: draws, and returns where the pictures are.
      what: it draws.
      command: whose work this is.
      safe: a sentence on what is not lost.
      debug: whether the traceback of an error is shown.
    """
    try:
        return draw()
    except Exception as error:
        from neurosym.training.blame import in_words

        if debug:
            traceback.print_exc()
        print(
            f"neurosym {command}: warning: {what} could not be drawn: {in_words(error)}\n{safe}",
            file=sys.stderr,
        )
        return []
