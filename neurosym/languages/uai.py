"""Files of the UAI inference competitions: ``.uai`` models and ``.evid`` evidence.

    MARKOV                BAYES says that every table is a conditional distribution
    2                     variables, which have no names: 0, 1, ...
    2 3                   how many values each has
    1                     tables
    2 0 1                 the first one is over two variables, 0 and 1
    6                     it has six entries, the last variable the fastest
    .1 .2 .3 .1 .2 .1

The format is described at https://uaicompetition.github.io/uci-2022/file-formats/. Evidence is one
line, ``2 0 1 1 2`` (two variables: 0 has the value 1, and 1 has the value 2), or a first line with
the number of lines that follow, one for each instance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from neurosym.io import Text
from neurosym.languages.graphical_model import Factor, GraphicalModel, graphical_model
from neurosym.languages.words import Words

Evidence = dict[int, int]
"""From rows of variables to value indices."""


def uai_model(text: Text) -> GraphicalModel:
    """The model of a ``.uai`` file; variable 3 is called ``"3"`` and has the values 0, 1, ...

    Raises:
      FormatError: for a file that is something else or is cut short, with the line.
      ValueError: for a table with a negative value.
    """
    reader = Words(text)
    kind = reader.word("the kind of the network, MARKOV or BAYES")
    if kind.upper() not in ("MARKOV", "BAYES"):
        reader.refuse(f"the kind of the network is MARKOV or BAYES, not {kind!r}")
    count = reader.number("the number of variables", least=1)
    sizes = [reader.number(f"the values of variable {i}", least=1) for i in range(count)]
    tables = reader.number("the number of tables", least=0)
    scopes = []
    for n in range(tables):
        arity = reader.number(f"how many variables table {n} has", least=0)
        rows = [reader.number(f"a variable of table {n}", least=0) for _ in range(arity)]
        for row in rows:
            if row >= count:
                reader.refuse(f"table {n} is over variable {row}, and there are {count}")
        if len(set(rows)) < len(rows):
            reader.refuse(f"table {n} is over a variable twice: {rows}")
        scopes.append(tuple(rows))
    factors, constant = [], 1.0
    for n, scope in enumerate(scopes):
        shape = tuple(sizes[i] for i in scope)
        entries = math.prod(shape)
        stated = reader.number(f"how many entries table {n} has", least=0)
        if stated != entries:
            reader.refuse(f"table {n} has {entries} entries by its variables, not {stated}")
        values = reader.reals(entries, f"table {n}")
        if scope:
            factors.append(Factor(scope, values.reshape(shape)))
        else:
            constant *= float(values[0])
    reader.end()
    if constant <= 0:
        raise text.error("a table without variables is not above 0: nothing has any weight")
    names = [str(i) for i in range(count)]
    return graphical_model(names, [range(size) for size in sizes], factors, constant=constant)


def uai_evidence(text: Text, sizes: Sequence[int]) -> list[Evidence]:
    """The instances of an ``.evid`` file; an empty file is one instance without evidence.

    Args:
      text: of the file.
      sizes: the values of each variable of the model.

    Raises:
      FormatError: for a file that is cut short, or that names a variable or value which the model
        does not have, with the line.
    """
    reader = Words(text)
    if not reader.found:
        return [{}]
    first = reader.number("a number", least=0)
    offsets = [offset for _, offset in reader.found[:2]]
    if len(offsets) == 1 or text.line(offsets[0]) == text.line(offsets[1]):
        # One instance, without the number of instances on a line before it.
        reader.step_back()
        first = 1
    found = []
    for n in range(first):
        evidence: Evidence = {}
        for _ in range(reader.number(f"how many variables instance {n} observes", least=0)):
            row = reader.number("a variable that is observed", least=0)
            value = reader.number(f"the value of variable {row}", least=0)
            if row >= len(sizes):
                reader.refuse(f"variable {row} is observed, and the model has {len(sizes)}")
            if value >= sizes[row]:
                reader.refuse(f"variable {row} has {sizes[row]} values, so not the value {value}")
            if evidence.setdefault(row, value) != value:
                reader.refuse(f"variable {row} is observed twice, as {evidence[row]} and {value}")
        found.append(evidence)
    reader.end()
    return found
