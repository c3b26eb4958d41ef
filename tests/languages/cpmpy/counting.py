"""A search in plain Python over the relations of a problem: slow, and it compiles nothing."""

from neurosym.problems.constraints.composite import visible_placements


def extensions(problem, known, *, at_most=2):
    """How many ways there are to give the variables values that are not known, at most so many.

    Args:
      problem: a `Problem`.
      known: from rows of variables to value indices.
      at_most: where it stops to count.
    """
    placed = [one for constraint in problem.constraints for one in visible_placements(constraint)]
    sizes = [len(x.domain) for x in problem.declared]
    values = [known.get(i) for i in range(len(sizes))]
    waiting = {}
    for one in placed:
        waiting.setdefault(max(one.scope), []).append(one)

    def search(row):
        if row == len(sizes):
            return 1
        found = 0
        for value in [known[row]] if row in known else range(sizes[row]):
            values[row] = value
            if all(one.allows(values) for one in waiting.get(row, ())):
                found += search(row + 1)
            if found >= at_most:
                break
        return found

    return search(0)
