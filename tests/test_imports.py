"""Who may import whom (docs/design.md), and that importing the package leaves JAX as it was."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "neurosym"

# For each room (a package, or a module that stands alone) the rooms that it may import. All may
# read the version.
MAY_IMPORT = {
    "transforms": set(),
    "semirings": {"transforms"},
    "bits": {"transforms"},  # whether arrays can be looked at
    "problems": {"transforms", "semirings", "bits"},
    "duals": {"transforms", "semirings", "bits", "problems"},
    # The bound of `solve_best` is that of the moved weights.
    "hard": {"transforms", "semirings", "bits", "problems", "duals"},
    "soft": {"transforms", "semirings", "bits", "problems"},
    # Bounds of both kinds ask both engines.
    "bounding": {"transforms", "semirings", "bits", "problems", "duals", "hard", "soft"},
    "explanations": {"bits", "problems", "hard"},
    "circuits": {"transforms", "semirings", "bits", "problems", "io"},
    "reasoning": {"transforms", "semirings", "bits", "problems", "hard", "soft", "circuits"},
    # Estimators and modules ask a reasoner, never a network or an engine.
    "bridge": {"transforms", "semirings", "bits", "reasoning"},
    "nn": {"semirings", "problems", "reasoning"},
    "torch": {"semirings", "problems", "reasoning"},  # what `nn` is for Flax
    "languages": {"problems", "io", "circuits", "hard"},
    "testing": {"semirings", "bits", "problems", "hard", "soft", "circuits"},
    # Programs become graphs; what is numbers afterwards is the circuits' room and a reasoner's.
    "programs": {"semirings", "problems", "soft", "circuits", "reasoning", "io"},
    "losses": set(),
    "compiled_programs": set(),
    "shipped": set(),
    "encoders": {"transforms"},  # a setting of JAX
    # The experiments that came with the package; how loops are compiled.
    "training": {"shipped", "transforms"},
    "sweeps": {"training"},
    "datasets": set(),
    "plots": set(),
    "io": set(),
    # A puzzle knows its file format; random puzzles are made by propagation and search.
    "puzzles": {"problems", "io", "hard", "languages"},
    "reports": {"training", "plots"},
}
# A finished run, and nothing of what reasons in it: its task is two pure functions.
MAY_IMPORT["export"] = {"training"}
MAY_IMPORT["cli"] = set(MAY_IMPORT)

# Inside of some rooms: for each wing (a folder or a file) the others that it may import.
WINGS = {
    "semirings": {
        "algebra": set(),
        "operations": {"algebra"},
        "fixpoints": {"algebra", "operations"},
    },
    # What a formula says is apart from what it is evaluated to; `building` is the one door.
    "circuits": {
        "formula": set(),
        "graph": set(),
        "evaluation": {"graph"},
        "circuit": {"evaluation"},
        "building": {"graph", "evaluation", "circuit"},
        "sources": {"formula", "graph", "circuit", "building"},
        "compilers": {"formula", "graph", "sources"},
        "compilation": {"formula", "graph", "sources", "compilers", "circuit", "building"},
    },
    # Who answers knows no other way of asking; choosing among them comes last.
    "reasoning": {
        "question": set(),
        "protocols": set(),
        "solvers": set(),
        "weighted": set(),
        "network": {"protocols", "solvers"},
        "circuit": set(),
        "restricted": {"network"},
        "automatic": {"question", "network", "restricted"},
        "answer": set(),
    },
}

# What a module of a lower room looks up by its name, late. A file format whose reader moved up to
# the room of what it reads keeps its name.
LENT = {
    "neurosym.io": {"circuits"},
    # The door `Problem.from_cpmpy`: its name is looked up when it is called, and nothing before.
    "neurosym.problems.problem": {"languages"},
}

# `import neurosym` itself: the lazy exports, which only the command line needs (to find its files).
FACADE = ""


def room_of(module):
    """The room of "neurosym.room.file"; the facade for "neurosym" itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else FACADE


def module_of(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(source, module, *, is_package):
    """Every module that a source names: plain, from, relative and by `import_module("...")`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                kept = package[: len(package) - node.level + 1]
                base = ".".join([*kept, base]).rstrip(".")
            if base == "neurosym":  # `from neurosym import soft` is about the room.
                yield from (f"{base}.{alias.name}" for alias in node.names)
            else:
                yield base
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else node.func
            called = called.id if isinstance(called, ast.Name) else called
            argument = node.args[0]
            if called in ("import_module", "__import__") and isinstance(argument, ast.Constant):
                yield argument.value


def violations(source, module, *, is_package=False):
    room = room_of(module)
    found = []
    for imported in imported_modules(source, module, is_package=is_package):
        top = imported.split(".")[0]
        if top in ("experiments", "configs", "tests"):
            found.append(f"{module} imports {imported}")
        elif top == "neurosym":
            other = room_of(imported)
            allowed = MAY_IMPORT[room] | {room, "_version"}
            if room == "cli":
                allowed = allowed | {FACADE}
            allowed = allowed | LENT.get(module, set())
            if other not in allowed:
                found.append(f"{module} imports {imported}")
    return found


def wing_violations(source, module, *, is_package=False):
    """Imports between the wings of one room that `WINGS` does not allow; facades are free."""
    room, wing = (*module.split("."), "", "")[1:3]
    if not wing or wing not in WINGS.get(room, {}):
        return []
    found = []
    for imported in imported_modules(source, module, is_package=is_package):
        own, other = (*imported.split("."), "", "")[1:3]
        if own == room and other not in WINGS[room][wing] | {wing}:
            found.append(f"{module} imports {imported}")
    return found


SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)
SOURCES += sorted(path for path in PACKAGE.glob("*.py") if not path.name.startswith("_"))


def test_every_room_has_its_rule():
    rooms = {room_of(module_of(path)) for path in SOURCES}
    assert rooms <= set(MAY_IMPORT), "say in MAY_IMPORT what the new room may import"
    assert len(SOURCES) > 20


def test_imports_run_downwards():
    found = []
    for path in SOURCES:
        is_package = path.name == "__init__.py"
        found += violations(path.read_text(), module_of(path), is_package=is_package)
    assert not found, "\n".join(found)


def test_wings_import_downwards():
    found = []
    for path in SOURCES:
        is_package = path.name == "__init__.py"
        found += wing_violations(path.read_text(), module_of(path), is_package=is_package)
    assert not found, "\n".join(found)


def test_every_wing_exists():
    for room, wings in WINGS.items():
        there = {path.stem for path in (PACKAGE / room).iterdir()} - {"__init__", "__pycache__"}
        assert set(wings) == there, room


def test_the_check_of_wings_sees_what_is_forbidden():
    bad = "from neurosym.semirings.fixpoints.closure import closure"
    assert wing_violations(bad, "neurosym.semirings.algebra.semiring")
    assert wing_violations("import neurosym.semirings", "neurosym.semirings.algebra.semiring")
    assert not wing_violations(bad, "neurosym.semirings.fixpoints.fixpoint")
    sums = "from neurosym.circuits.evaluation.sums import Sums"
    door = "from neurosym.circuits.building import circuit_of"
    for module in ("graph", "sources.state_machine", "compilers.d4"):
        assert wing_violations(sums, f"neurosym.circuits.{module}")
    assert not wing_violations(door, "neurosym.circuits.sources.state_machine")
    assert wing_violations(door, "neurosym.circuits.compilers.d4")
    source = "from neurosym.circuits.sources.files import from_nnf"
    assert wing_violations(source, "neurosym.circuits.evaluation.passes")


def named_modules(source, module, *, is_package):
    """What `imported_modules` finds, submodules that `from` names, and modules named in strings.

    Lazy exports name modules as keys or values of a dictionary, relative to their package.
    """
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
            yield f"{package}.{node.value}"
            yield f"{package}.commands.{node.value}"
    yield from imported_modules(source, module, is_package=is_package)


def test_something_imports_every_module():
    modules = {module_of(path) for path in SOURCES if path.name != "__init__.py"}
    users = [*SOURCES, PACKAGE / "__init__.py"]
    for folder in ("experiments", "configs", "scripts"):
        users += sorted((ROOT / folder).rglob("*.py"))
    used = set()
    for path in users:
        own = module_of(path)
        names = named_modules(path.read_text(), own, is_package=path.name == "__init__.py")
        used |= set(names) - {own}
    used |= set(re.findall(r"neurosym(?:\.\w+)+", (ROOT / "setup.cfg").read_text()))
    assert not modules - used, f"nothing imports {', '.join(sorted(modules - used))}"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("neurosym.soft.inference", "from neurosym.hard.propagate import propagate"),
        ("neurosym.hard.search", "import neurosym.soft"),
        ("neurosym.hard.search", "from neurosym import soft"),
        ("neurosym.hard.search", "from .. import soft"),
        ("neurosym.hard.search", "from ..soft import inference"),
        ("neurosym.hard.search", "def late():\n    from neurosym.soft.inference import total"),
        ("neurosym.bits.lanes", "from neurosym.semirings.algebra.semiring import Semiring"),
        ("neurosym.training.single", "from neurosym.plots import learning_curves"),
        ("neurosym.training.single", "importlib.import_module('neurosym.datasets')"),
        ("neurosym.soft.inference", "import neurosym as ns"),
        ("neurosym.losses", "from neurosym.semirings.algebra.instances import LOG"),
        ("neurosym.cli.commands.train", "from experiments.digit_addition import DigitAddition"),
    ],
)
def test_the_check_sees_what_is_forbidden(module, source):
    assert violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("neurosym.soft.inference", "from neurosym.problems.network import Network"),
        ("neurosym.soft.inference", "from . import elimination"),
        ("neurosym.soft.inference", "from neurosym._version import __version__"),
        ("neurosym.cli.commands.train", "import neurosym\nfrom neurosym import plots"),
        ("neurosym.losses", "import jax.numpy as jnp"),
    ],
)
def test_the_check_lets_pass_what_is_allowed(module, source):
    assert not violations(source, module)


def test_experiments_use_public_names():
    found = []
    for folder in ("experiments", "configs"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("neurosym"):
                    names = [*node.module.split("."), *(alias.name for alias in node.names)]
                    found += [f"{path.name}: {name}" for name in names if name.startswith("_")]
    assert not found


def test_interfaces_are_made_from_the_lists_of_exports():
    """Whoever adds an export tells type checkers of it."""
    path = ROOT / "scripts" / "exports.py"
    spec = importlib.util.spec_from_file_location("exports", path)
    exports = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exports)
    made = exports.interfaces()
    assert PACKAGE / "__init__.pyi" in made
    stale = [str(path) for path, text in made.items() if path.read_text() != text]
    assert not stale, "run: python scripts/exports.py"


def test_nothing_switches_matplotlibs_global_state():
    found = [
        f"{module_of(path)} imports {imported}"
        for path in SOURCES
        for imported in imported_modules(path.read_text(), module_of(path), is_package=False)
        if imported.startswith(("matplotlib.pyplot", "pylab"))
    ]
    assert not found


def run_python(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_importing_the_package_loads_neither_jax_nor_anything_heavy():
    loaded = run_python("import sys, json, neurosym; print(json.dumps(sorted(sys.modules)))")
    heavy = {"jax", "jaxlib", "numpy", "flax", "optax", "orbax", "matplotlib", "absl", "sklearn"}
    assert not heavy & set(loaded)


def test_importing_every_module_changes_no_jax_flag():
    changed = run_python(
        """
import importlib, json, pkgutil
import jax, flax.nnx, optax, orbax.checkpoint  # What third parties do is not ours.
before = {**jax.config.values, "x64": jax.numpy.arange(2).dtype.name}
import neurosym
modules = [
    found.name
    for found in pkgutil.walk_packages(neurosym.__path__, "neurosym.")
    if not found.name.endswith("__main__")
]
for name in modules:
    importlib.import_module(name)
after = {**jax.config.values, "x64": jax.numpy.arange(2).dtype.name}
assert len(modules) > 20, modules
print(json.dumps([flag for flag in after if str(after[flag]) != str(before.get(flag))]))
"""
    )
    assert changed == []


def test_lazy_exports_are_what_they_say():
    import neurosym

    assert set(dir(neurosym)) >= set(neurosym.__all__)
    for name in neurosym.__all__:
        assert getattr(neurosym, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        _ = neurosym.nothing_of_the_kind
