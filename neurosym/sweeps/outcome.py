"""The results of a sweep: `sweep.json`, the best config as a file, and which fields mattered."""

import pprint
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ml_collections
import optuna

from neurosym.sweeps.trials import TrialSummary, best_of
from neurosym.training.files import write_json, write_text

_LEAST_TRIALS = 4  # for importances to mean anything at all


def write_sweep(workdir: Path, trials: Sequence[TrialSummary]) -> Path:
    """Writes `sweep.json`: the best trial, or null while none is complete, and all of them."""
    best = best_of(trials)
    path = workdir / "sweep.json"
    write_json(
        path,
        {
            "best": None if best is None else best.as_json(),
            "trials": [trial.as_json() for trial in trials],
        },
    )
    return path


def write_best_config(
    workdir: Path, config: ml_collections.ConfigDict, *, heading: str, command: str
) -> Path:
    """Writes `best_config.py`, which `neurosym train --config=` takes.

    Args:
      workdir: of the sweep.
      config: of the best trial.
      heading: what it is, in a line.
      command: the command line with overrides that trains the same.

    Returns:
      Where it is.
    """
    path = workdir / "best_config.py"
    values = pprint.pformat(config.to_dict(), width=90, sort_dicts=False)
    body = "\n".join("        " + line for line in values.splitlines())
    docstring = "\n".join(
        (
            heading,
            "",
            f"    neurosym train --config={path.as_posix()} --workdir=RUN",
            "",
            "The same from the config file that was swept:",
            "",
            f"    {command}",
            "",
        )
    )
    text = (
        # A command line may hold anything, a backslash or quotes included.
        f'"""{_quoted(docstring)}"""\n\n'
        "import ml_collections\n\n\n"
        "def get_config() -> ml_collections.ConfigDict:\n"
        '    """The config of the best trial."""\n'
        "    return ml_collections.ConfigDict(\n"
        f"{body}\n"
        "    )\n"
    )
    write_text(path, text)
    return path


def importances(study: optuna.Study) -> dict[str, float]:
    """How much of the variance of the value each field explains, the largest first.

    By functional ANOVA over a random forest (Hutter et al. 2014,
    https://proceedings.mlr.press/v32/hutter14.html), over the complete trials and over the fields
    that all of them have.

    Returns:
      Fractions that sum to 1; empty with fewer than four complete trials, or where all have the
      same value.
    """
    complete = [t for t in study.get_trials(deepcopy=False) if t.state.name == "COMPLETE"]
    if len(complete) < _LEAST_TRIALS or len({t.value for t in complete}) < 2:
        return {}
    # Imports scikit-learn, which takes seconds.
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def scales(study: optuna.Study) -> dict[str, Any]:
    """For each field that was varied whether its range is logarithmic."""
    found: dict[str, Any] = {}
    for trial in study.get_trials(deepcopy=False):
        for name, distribution in trial.distributions.items():
            found.setdefault(name, bool(getattr(distribution, "log", False)))
    return found
