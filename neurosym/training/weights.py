"""Parameters of a model as a file of safetensors, with the names and layouts of other frameworks.

    MLP's layers.0.kernel  float32[784, 64]   ─▶  layers.0.weight  float32[64, 784]
    MLP's layers.0.bias    float32[64]        ─▶  layers.0.bias    float32[64]

A name is the path of attributes to a parameter. The layouts are PyTorch's, which candle and burn
share: a dense layer's weight is ``[outputs, inputs]``, a convolution's ``[outputs, inputs, rows,
columns]``, and a normalisation's scale and shift are its weight and bias. A module of PyTorch whose
attributes have the same names takes the file by ``load_state_dict(load_file(path))``.

https://github.com/huggingface/safetensors
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from flax import nnx

from neurosym.training.files import not_what, write_bytes
from neurosym.training.state import Anatomy, PyTree, fill, named_leaves

SUFFIX = ".safetensors"

_WHAT = "a file of safetensors"

# What PyTorch calls parameters of ours; other names stay.
_NAMES = {"kernel": "weight", "scale": "weight", "shift": "bias"}


class _Place(NamedTuple):
    """Where a parameter stands in a file.

    Attributes:
      name: there.
      axes: the transposition from ours to theirs.
    """

    name: str
    axes: tuple[int, ...]


def weights_of(model: nnx.Module) -> dict[str, np.ndarray]:
    """The parameters of a model by their names in a file, in the layouts of a file.

    Raises:
      ValueError: two parameters have one name.
    """
    params, _ = Anatomy.of(model).initial()
    leaves, places = named_leaves(params), _places(model, params)
    found = {
        place.name: np.ascontiguousarray(np.asarray(leaves[own]).transpose(place.axes))
        for own, place in places.items()
    }
    if len(found) < len(leaves):
        names = [place.name for place in places.values()]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(f"two parameters would be called {', '.join(twice)}")
    return found


def write_weights(model: nnx.Module, path: str | Path, metadata: Mapping[str, str]) -> None:
    """Writes the parameters of a model to a file of safetensors, whole or not at all.

    Args:
      model: whose.
      path: of the file.
      metadata: texts by name, kept in the file's head.

    Raises:
      ValueError: the package is missing, or two parameters have one name.
    """
    numpy_files = require_safetensors()
    write_bytes(Path(path), numpy_files.save(weights_of(model), metadata=dict(metadata)))


def read_weights(path: str | Path, model: nnx.Module, params: PyTree) -> PyTree:
    """The parameters of a file in the structure of a model's.

    Args:
      path: of a file of safetensors, of this library or another framework.
      model: that the parameters are for; the kinds of its layers say how they lie.
      params: the model's, as in `TrainState`.

    Returns:
      A tree like `params`, with the file's numbers.

    Raises:
      ValueError: the package is missing, there is no such file, it is not one of safetensors,
        or its arrays are not those of the model; all faults are named.
    """
    numpy_files = require_safetensors()
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"there is no file of weights {path}")
    try:
        saved: dict[str, np.ndarray] = numpy_files.load_file(str(path))
    except Exception as error:  # the package's own, KeyError of a type that NumPy lacks
        raise not_what(path, _WHAT, error) from error
    leaves, places = named_leaves(params), _places(model, params)
    faults, found = [], {}
    for own, place in places.items():
        wanted = tuple(leaves[own].shape[axis] for axis in place.axes)
        array = saved.pop(place.name, None)
        if array is None:
            faults.append(f"{place.name} {wanted} is missing")
        elif array.shape != wanted:
            faults.append(f"{place.name} is {array.shape} there, {wanted} here")
        elif array.dtype.kind != "f" or not np.isfinite(array).all():
            faults.append(f"{place.name} is not of finite floats")
        else:
            found[own] = array.transpose(np.argsort(place.axes))
    faults += [f"{name} {array.shape} is not of this model" for name, array in saved.items()]
    if faults:
        raise ValueError(f"the weights of {path} do not fit this model: {'; '.join(faults)}")
    return fill(params, found)


def require_safetensors() -> Any:
    """The package's part for NumPy; raises ValueError where it is missing."""
    try:
        import safetensors.numpy
    except ModuleNotFoundError as error:
        raise ValueError(
            "files of safetensors need the package safetensors: pip install 'neurosym[export]'"
        ) from error
    return safetensors.numpy


def _places(model: nnx.Module, params: PyTree) -> dict[str, _Place]:
    """Of each parameter, by its name here."""
    kinds = {".".join(map(str, path)): module for path, module in nnx.iter_modules(model)}
    places = {}
    for own, leaf in named_leaves(params).items():
        layer, _, last = own.rpartition(".")
        axes = tuple(range(leaf.ndim))
        if last == "kernel":
            axes = _axes_of_kernel(kinds.get(layer), axes)
        name = ".".join(part for part in (layer, _NAMES.get(last, last)) if part)
        places[own] = _Place(name, axes)
    return places


def _axes_of_kernel(layer: Any, axes: tuple[int, ...]) -> tuple[int, ...]:
    """Flax has the inputs and then the outputs last; our convolutions have PyTorch's layout."""
    if isinstance(layer, nnx.Linear | nnx.Conv):
        return (*axes[-1:], *axes[-2:-1], *axes[:-2])
    return axes
