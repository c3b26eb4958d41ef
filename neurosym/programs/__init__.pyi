"""Made by scripts/exports.py from the lists in `__init__.py`; edits are lost."""

from neurosym.programs.learning import learn as learn
from neurosym.programs.learning import read_interpretations as read_interpretations
from neurosym.programs.program import Program as Program
from neurosym.programs.question import ProgramQuery as ProgramQuery
from neurosym.programs.reasoner import ProgramReasoner as ProgramReasoner
from neurosym.programs.syntax import ProgramError as ProgramError
from neurosym.programs.syntax import ProgramWarning as ProgramWarning
