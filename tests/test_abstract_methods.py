"""Methods that a base leaves to its subclasses: whether every one of those gives them."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest

import neurosym.duals
import neurosym.problems

ROOMS = (neurosym.problems, neurosym.duals)


def left_open(source):
    """Of each class in a source: the methods that do nothing but say that a subclass gives them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            methods = [
                part.name
                for part in node.body
                if isinstance(part, ast.FunctionDef) and only_raises(part)
            ]
            if methods:
                yield node.name, methods


def only_raises(method):
    """Whether a method is a docstring, if that, and a bare NotImplementedError."""
    body = [
        part
        for part in method.body
        if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
    ]
    if len(body) != 1 or not isinstance(body[0], ast.Raise):
        return False
    return isinstance(body[0].exc, ast.Name) and body[0].exc.id == "NotImplementedError"


def missing(base, methods):
    """Methods of subclasses, however deep, that are still those of the base.

    A private class that has subclasses itself, such as `_Division`, may leave them to those.
    """
    return [
        f"{kind.__name__}.{name}"
        for kind in below(base)
        if not (kind.__name__.startswith("_") and kind.__subclasses__())
        for name in methods
        if getattr(kind, name) is getattr(base, name)
    ]


def below(base):
    for kind in base.__subclasses__():
        yield kind
        yield from below(kind)


def bases():
    for room in ROOMS:
        for entry in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
            module = importlib.import_module(entry.name)
            for name, methods in left_open(Path(module.__file__).read_text()):
                yield getattr(module, name), methods


BASES = list(bases())


def test_bases_are_found():
    names = {base.__name__ for base, _ in BASES}
    assert names >= {"Arithmetic", "Function", "OverEntries", "FactoredLayer"}


@pytest.mark.parametrize(("base", "methods"), BASES, ids=[base.__name__ for base, _ in BASES])
def test_every_subclass_gives_what_its_base_leaves_open(base, methods):
    assert base.__subclasses__()
    assert missing(base, methods) == []


@pytest.mark.parametrize(("base", "methods"), BASES, ids=[base.__name__ for base, _ in BASES])
def test_a_base_says_what_its_subclasses_give(base, methods):
    promise = base.__doc__.partition("A subclass gives")[2].partition("\n\n")[0]
    assert [name for name in methods if f"`{name}`" not in promise] == []


def test_a_method_that_is_left_out_is_found():
    class Base:
        def first(self):
            raise NotImplementedError

        def second(self):
            raise NotImplementedError

    class Whole(Base):
        def first(self):
            return 1

        def second(self):
            return 2

    class Lacking(Base):
        def first(self):
            return 1

    class _Between(Base):
        pass

    class LackingToo(_Between):
        def second(self):
            return 2

    assert missing(Base, ["first", "second"]) == ["Lacking.second", "LackingToo.first"]
