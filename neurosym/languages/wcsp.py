"""Cost networks, ``.wcsp``: whole costs of combinations of values, of which the sum is least.

    example 2 3 2 10        a name, variables, largest domain, cost functions, the bound
    3 2                     how many values each variable has
    2 0 1 0 2               over variables 0 and 1, 0 by default, and two other combinations:
    0 0 5                   0 and 0 cost 5
    2 1 10                  2 and 1 are forbidden: they cost as much as the bound
    1 1 3 1                 over variable 1, 3 by default
    0 0                     the value 0 costs nothing

The format is that of toulbar2 (https://toulbar2.github.io/toulbar2/formats/wcspformat.html) without
its global cost functions.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from neurosym.io import Text
from neurosym.languages.graphical_model import Factor, GraphicalModel, graphical_model
from neurosym.languages.words import Words

MAX_ENTRIES = 2**24
"""Of one table: combinations of the values of its variables."""


class CostNetwork(NamedTuple):
    """A model whose log-weights are costs with the opposite sign."""

    model: GraphicalModel
    bound: int  # an assignment that costs so much or more is not allowed
    constant: int  # that every assignment costs besides
    exact_in_float32: bool  # no sum of costs is too large to be told from its neighbours


def wcsp_model(text: Text) -> CostNetwork:
    """The cost network of a ``.wcsp`` file.

    Raises:
      FormatError: for a file that is something else, is cut short, or has a global cost function,
        with the line.
    """
    reader = Words(text)
    reader.word("the name of the network")
    count = reader.number("the number of variables", least=1)
    reader.number("the values of the largest domain", least=1)
    functions = reader.number("the number of cost functions", least=0)
    bound = reader.number("the bound on costs", least=0)
    sizes = [reader.number(f"the values of variable {i}", least=1) for i in range(count)]
    factors, constant = [], 0
    for n in range(functions):
        arity = reader.number(f"how many variables cost function {n} has", least=0)
        rows = [reader.number(f"a variable of cost function {n}", least=0) for _ in range(arity)]
        for row in rows:
            if row >= count:
                reader.refuse(f"cost function {n} is over variable {row}, and there are {count}")
        if len(set(rows)) < arity:
            reader.refuse(f"cost function {n} is over a variable twice: {rows}")
        default = reader.word(f"the default cost of cost function {n}")
        if default.startswith("-"):
            reader.refuse(f"cost function {n} is a global one, which has no translation")
        if not default.isdigit():
            reader.refuse(f"the default cost of cost function {n} is {default!r}")
        listed = reader.number(f"the combinations of cost function {n}", least=0)
        shape = tuple(sizes[i] for i in rows)
        if math.prod(shape) > MAX_ENTRIES:
            reader.refuse(f"cost function {n} has {math.prod(shape):,} combinations of values")
        costs = np.full(shape, int(default), np.int64)
        for _ in range(listed):
            values = []
            for row in rows:
                value = reader.number(f"a value of cost function {n}", least=0)
                if value >= sizes[row]:
                    reader.refuse(f"variable {row} has {sizes[row]} values, so not {value}")
                values.append(value)
            costs[tuple(values)] = reader.number(f"a cost of cost function {n}", least=0)
        if rows:
            weights = np.where(costs >= bound, -np.inf, -costs.astype(np.float64))
            factors.append(Factor(tuple(rows), weights))
        else:
            constant += int(costs)
    reader.end()
    names = [str(i) for i in range(count)]
    model = graphical_model(names, [range(size) for size in sizes], factors, logarithms=True)
    greatest = sum(float(-np.min(f.values, initial=0, where=f.values > -np.inf)) for f in factors)
    return CostNetwork(model, bound, constant, greatest < 2**24)
