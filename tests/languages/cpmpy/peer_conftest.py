"""What CPMpy's own tests expect of the files that its source distribution leaves out.

`test_peer.py` copies this beside them as ``conftest.py``: the fixture ``solver`` is neurosym, tests
for other solvers are skipped, and of generated constraints every n-th one is taken.
"""

import os
import sys
import types

import cpmpy as cp
import pytest

from neurosym.languages.cpmpy import CPM_neurosym

NAME = "neurosym"
_base = cp.SolverLookup.base_solvers
cp.SolverLookup.base_solvers = classmethod(lambda cls: [(NAME, CPM_neurosym), *_base()])

# Their helper for tests of pseudo-Boolean encodings.
shim = types.ModuleType("utils")
shim.skip_on_missing_pblib = lambda **options: lambda function: function
sys.modules["utils"] = shim


def pytest_configure(config):
    for name in ("generate_constraints", "requires_solver", "requires_dependency"):
        config.addinivalue_line("markers", f"{name}: of CPMpy's own tests")


def pytest_collection_modifyitems(items):
    for item in items:
        marker = item.get_closest_marker("requires_solver")
        if marker and NAME not in marker.args:
            item.add_marker(pytest.mark.skip(reason=f"for {', '.join(marker.args)}"))


def pytest_generate_tests(metafunc):
    marker = metafunc.definition.get_closest_marker("generate_constraints")
    if marker:
        every = list(marker.args[0](NAME))[:: int(os.environ.get("NEUROSYM_EVERY", "1"))]
        metafunc.parametrize("constraint", every, ids=str)


@pytest.fixture
def solver():
    return NAME
