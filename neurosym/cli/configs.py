"""Configs from the command line: `--config=file.py[:variant]` and `--config.a.b=value`.

The file is a Python module with `get_config(variant)`, or `get_config()`, that returns a
`ConfigDict`. It may import its neighbours (`from ._common import base`): Python files beside it,
else those of the `configs/` of the working directory or of those that came with the package, so
that a copy of a config works elsewhere. The overrides are `ml_collections.config_flags`; this file
adds finding the files, and saying clearly what is wrong.
"""

import difflib
import hashlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import ml_collections
from absl import flags
from ml_collections import config_flags

from neurosym.cli.command import UsageError, parse_flags
from neurosym.cli.places import SHIPPED_PREFIX, import_roots, roots
from neurosym.shipped import shipped_root
from neurosym.training.import_path import extend_import_path

_OVERRIDE = re.compile(r"^--?(?:no)?config\.([^=]+)")
_BAD_VALUE = re.compile(r"flag --config\.([^=]+)=(.*?): ", re.DOTALL)


def parse_with_config(values: flags.FlagValues, arguments: list[str]) -> list[str]:
    """Reads a command line whose `--config` names a config file; sets `values.config` to it.

    Args:
      values: a container with the command's further flags.
      arguments: the command line.

    Returns:
      The arguments that are not flags.

    Raises:
      UsageError: a flag is unknown or has a wrong value.
      ValueError: the config file is missing or faulty.
    """
    source, rest = _split_off_config(arguments)
    if source is None:
        raise UsageError("--config=FILE.py[:VARIANT] is missing")
    config = load_config(source)
    for argument in rest:
        if match := _OVERRIDE.match(argument):
            _check_field(match.group(1), config, source)
    values.remove_flag_values(["config"])
    try:
        config_flags.DEFINE_config_dict(
            "config", config, flag_values=values, sys_argv=["neurosym", *rest]
        )
        return parse_flags(values, rest)
    except (UsageError, flags.Error) as error:
        match = _BAD_VALUE.search(str(error))
        if match is None:
            raise UsageError(f"{error}{_field_meant(error, config)}") from error
        field, given = match.groups()
        wanted = _type_of(field, config)
        raise UsageError(f"config.{field} must be {wanted}, got {given!r}") from error
    except TypeError as error:
        raise UsageError(str(error)) from error


def load_config(source: str) -> ml_collections.ConfigDict:
    """The config that "file.py" or "file.py:variant" names.

    A relative path is looked for in the working directory, then among what came with the package;
    "neurosym:file.py" is the config of that name that came with the package.

    Raises:
      ValueError: the file is missing, cannot be run, or has no such variant.
    """
    path_text, variant = split_source(source)
    module = _load_module(_find(path_text))
    get_config = getattr(module, "get_config", None)
    if not callable(get_config):
        raise ValueError(f"{path_text} is not a config: it has no function get_config")
    takes_variant = bool(inspect.signature(get_config).parameters)
    if variant and not takes_variant:
        raise ValueError(f"{path_text} has no variants, and so no {variant!r}")
    config = get_config(variant) if takes_variant else get_config()
    if not isinstance(config, ml_collections.ConfigDict):
        raise ValueError(
            f"get_config of {path_text} must return an ml_collections.ConfigDict, "
            f"got {type(config).__name__}"
        )
    return config


def split_source(source: str) -> tuple[str, str]:
    """The file and the variant that the value of `--config` names.

    >>> split_source("my.py:large"), split_source("neurosym:mnist_addition.py")
    (('my.py', 'large'), ('neurosym:mnist_addition.py', ''))
    """
    prefix = SHIPPED_PREFIX if source.startswith(SHIPPED_PREFIX) else ""
    path_text, _, variant = source.removeprefix(prefix).partition(":")
    return prefix + path_text, variant


def default_variant(path_text: str) -> str:
    """The variant that a config file takes where none is named; "" where it says nothing of it.

    Raises:
      ValueError: the file is missing or cannot be run.
    """
    get_config = getattr(_load_module(_find(path_text)), "get_config", None)
    if not callable(get_config):
        return ""
    parameter = next(iter(inspect.signature(get_config).parameters.values()), None)
    return parameter.default if parameter and isinstance(parameter.default, str) else ""


def load_function(source: str, name: str) -> Callable[..., Any]:
    """The function `name` of the file that "file.py" or "file.py:variant" names.

    Raises:
      ValueError: the file is missing or cannot be run, or has no such function.
    """
    path_text, _ = split_source(source)
    function = getattr(_load_module(_find(path_text)), name, None)
    if not callable(function):
        raise ValueError(f"{path_text} has no function {name}")
    return function


def overridden_fields(arguments: Sequence[str]) -> list[str]:
    """The fields that a command line sets, without `config.`.

    >>> overridden_fields(["--config=my.py", "--config.train.epochs=3", "--noconfig.data.final"])
    ['train.epochs', 'data.final']
    """
    found = [_OVERRIDE.match(argument) for argument in arguments]
    return [match.group(1) for match in found if match]


def config_source(arguments: Sequence[str]) -> str:
    """The value of `--config=` on a command line; "" where it has none."""
    return _split_off_config(arguments)[0] or ""


def _split_off_config(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    source, rest = None, []
    iterator = iter(arguments)
    for argument in iterator:
        if argument in ("--config", "-config"):
            source = next(iterator, None)
        elif argument.startswith(("--config=", "-config=")):
            source = argument.split("=", 1)[1]
        else:
            rest.append(argument)
    return source, rest


def _find(path_text: str) -> Path:
    if path_text.startswith(SHIPPED_PREFIX):
        path_text = path_text.removeprefix(SHIPPED_PREFIX)
        root = shipped_root()
        tried = [] if root is None else [root / "configs" / path_text]
    else:
        tried = [root / path_text for root in roots()]
    for path in tried:
        if path.is_file():
            return path
    folder = next((path.parent for path in tried if path.parent.is_dir()), None)
    names = [p.name for p in sorted(folder.glob("[!_]*.py"))] if folder else []
    near = difflib.get_close_matches(Path(path_text).name, names)
    hint = f"; near it are: {', '.join(near)}" if near else "; `neurosym list` shows the configs"
    raise ValueError(
        f"there is no config file {path_text!r} "
        f"(looked for {', '.join(str(path) for path in dict.fromkeys(tried))}){hint}"
    )


def _load_module(path: Path) -> ModuleType:
    extend_import_path(import_roots())
    neighbours = _neighbours(path.parent)
    name = re.sub(r"\W", "_", path.stem)
    spec = importlib.util.spec_from_file_location(f"{neighbours.__name__}.{name}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise ValueError(f"the config file {path} fails: {_describe(error, neighbours)}") from error
    return module


def _neighbours(folder: Path) -> ModuleType:
    """The package of the files that a config in a folder may import relatively; made once."""
    digest = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()
    package = sys.modules.setdefault(
        f"neurosym_configs_{digest[:8]}", ModuleType(f"neurosym_configs_{digest[:8]}")
    )
    # The folders depend on the working directory, which may have changed.
    folders = [folder.resolve(), *(root / "configs" for root in roots())]
    package.__path__ = list(dict.fromkeys(str(place) for place in folders if place.is_dir()))
    return package


def _describe(error: Exception, neighbours: ModuleType) -> str:
    missing = getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None
    package, _, name = (missing or "").partition(".")
    if package == neighbours.__name__:
        file = name.replace(".", "/") + ".py"
        return (
            f"it imports its neighbour {file}, which is not there "
            f"(looked in {', '.join(neighbours.__path__)})"
        )
    return f"{type(error).__name__}: {error}"


def _check_field(field: str, config: ml_collections.ConfigDict, source: str) -> None:
    fields = _fields(config)
    if field in fields:
        return
    near = difflib.get_close_matches(field, fields, n=3)
    last = field.rsplit(".", 1)[-1]
    near += [name for name in fields if name.rsplit(".", 1)[-1] == last and name not in near]
    hint = ", ".join(f"config.{name}" for name in near) or "none"
    raise UsageError(f"{source} has no field config.{field}; near matches: {hint}")


def _field_meant(error: Exception, config: ml_collections.ConfigDict) -> str:
    """A hint where an unknown flag has the name of a field of the config."""
    unknown = error if isinstance(error, flags.UnrecognizedFlagError) else error.__cause__
    if not isinstance(unknown, flags.UnrecognizedFlagError):
        return ""
    name, (_, equals, value) = unknown.flagname, str(unknown.flagvalue).partition("=")
    named = [field for field in _fields(config) if name in (field, field.rsplit(".", 1)[-1])]
    return f"; a field of the config is set by --config.{named[0]}{equals}{value}" if named else ""


def _type_of(field: str, config: ml_collections.ConfigDict) -> str:
    return _fields(config).get(field, object).__name__


def _fields(config: ml_collections.ConfigDict, prefix: str = "") -> dict[str, type]:
    found: dict[str, type] = {}
    for name in config:
        kind = config.get_type(name)
        found[prefix + name] = kind
        if issubclass(kind, ml_collections.ConfigDict):
            found.update(_fields(config[name], f"{prefix}{name}."))
    return found
