"""CPMpy models as problems, and the engine as a solver of CPMpy (https://cpmpy.readthedocs.io).

import cpmpy as cp
x = cp.intvar(0, 9, shape=3)
CPM_neurosym(cp.Model(cp.AllDifferent(x), cp.sum(x) == 20)).solve()
problem_of(cp.Model(cp.AllDifferent(x), cp.sum(x) == 20))    # the same as Problem.from_cpmpy(...)
"""

from neurosym.languages.cpmpy.solver import CPM_neurosym
from neurosym.languages.cpmpy.translation import problem_of

__all__ = ["CPM_neurosym", "problem_of"]
