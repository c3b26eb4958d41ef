"""Made by scripts/exports.py from the lists in `__init__.py`; edits are lost."""

from neurosym.sweeps.crew import Crew as Crew
from neurosym.sweeps.display import SweepDisplay as SweepDisplay
from neurosym.sweeps.outcome import importances as importances
from neurosym.sweeps.outcome import write_best_config as write_best_config
from neurosym.sweeps.outcome import write_sweep as write_sweep
from neurosym.sweeps.space import Proposal as Proposal
from neurosym.sweeps.space import Space as Space
from neurosym.sweeps.strategies import PRUNERS as PRUNERS
from neurosym.sweeps.strategies import SAMPLERS as SAMPLERS
from neurosym.sweeps.strategies import make_pruner as make_pruner
from neurosym.sweeps.strategies import make_sampler as make_sampler
from neurosym.sweeps.study import SweepStudy as SweepStudy
from neurosym.sweeps.trials import TrialSummary as TrialSummary
from neurosym.sweeps.trials import summarise as summarise
from neurosym.sweeps.worker import Worker as Worker
