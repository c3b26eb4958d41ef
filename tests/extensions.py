"""A search in plain Python over the relations of a problem: slow, and it compiles nothing.

Auxiliary variables are searched like the declared ones, so a hidden value that is not the only one
counts as often as it is possible. `Composite`, by which the engines resolve them, is not asked.
"""

from neurosym.problems.constraints.constraint import guarded_placements, placements


def extensions(problem, known, *, at_most=2):
    """How many ways there are to give the variables values that are not known, at most so many.

    Args:
      problem: a `Problem`.
      known: from rows of variables to value indices.
      at_most: where it stops to count.
    """
    hidden, placed = _with_definitions(problem)
    sizes = {x.index: len(x.domain) for x in (*problem.declared, *hidden)}
    row_of = {index: row for row, index in enumerate(sizes)}
    waiting = {}
    for relation, scope in placed:
        waiting.setdefault(max(row_of[i] for i in scope), []).append((relation, scope))
    order, values = list(sizes), {}

    def search(row):
        if row == len(order):
            return 1
        index, found = order[row], 0
        for value in [known[index]] if index in known else range(sizes[index]):
            values[index] = value
            if all(r.allows([values[i] for i in scope]) for r, scope in waiting.get(row, ())):
                found += search(row + 1)
            if found >= at_most:
                break
        return found

    return search(0)


def _with_definitions(problem):
    """The auxiliary variables, each after those that define it, and relations in their places."""
    hidden, placed = {}, []

    def visit(index):
        if index >= 0 or index in hidden:
            return
        variable = problem.auxiliary(index)
        own = [one for definition in variable.definitions for one in placements(definition)]
        for one in own:
            for other in one.scope:
                if other != index:
                    visit(other)
        hidden[index] = variable
        placed.extend(own)

    for constraint in problem.constraints:
        own = guarded_placements(constraint, constraint.visible or problem.declared)
        placed.extend(own)
        for one in own:
            for index in one.scope:
                visit(index)
    return list(hidden.values()), placed
