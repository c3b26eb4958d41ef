"""All-different: its laws, and its propagation rules against the same rules in plain Python."""

import functools
import itertools

import jax
import numpy as np
import one_round
import pytest

import neurosym as ns
from neurosym.problems.constraints.all_different import subsets_lowering
from neurosym.problems.constraints.all_different.all_different import MAX_HALL
from neurosym.problems.constraints.joint import joined
from neurosym.problems.constraints.table import TableRelation


def declare(domains):
    problem = ns.Problem()
    return problem, [problem.variable(f"x{n}", domain=domain) for n, domain in enumerate(domains)]


PLAIN = ((1, 0),) * 3

ENTRIES = {  # domains, and factors and addends of the entries
    "same": ([range(5)] * 3, PLAIN),
    "same, as many values": ([range(3)] * 3, PLAIN),
    "aligned": ([range(3), range(5), range(4)], PLAIN),
    "aligned, as many values": ([range(2), range(3), range(3)], PLAIN),
    "shifted": ([range(4)] * 3, ((1, -1), (1, 0), (1, 2))),
    "other ranges": ([range(2, 5), range(4, 6), range(7)], PLAIN),
    "mapped": ([(3, -1, 5, 0), (5, 3), (-1, 2, 0)], PLAIN),
    "mapped, as many values": ([(2, 9, 5), (5, 2), (9, 2, 5)], PLAIN),
    "scaled": ([(0, 1, 2, 3), (4, 2, 0), (-1, -2, 3)], ((2, 0), (1, 2), (-1, 1))),
    "words": ([("a", "b"), ("b", "c", "a"), ("c", "a")], PLAIN),
    "one": ([range(3)], PLAIN[:1]),
    "two": ([range(3), (4, 1)], PLAIN[:2]),
    "four": ([range(4)] * 4, ((1, 0),) * 4),
    "too few values": ([range(2), range(2), (1, 0)], PLAIN),
}


def entries_of(x, maps):
    pairs = zip(x, maps, strict=True)
    return [v if entry == (1, 0) else entry[0] * v + entry[1] for v, entry in pairs]


@pytest.mark.parametrize(
    ("kind", "level"),
    [("aligned", "singles"), ("mapped", "singles"), ("shifted", "hall"), ("words", "hall")],
)
def test_the_law(kind, level):
    domains, maps = ENTRIES[kind]
    _, x = declare(domains)
    constraint = ns.AllDifferent(entries_of(x, maps), level)
    semirings = (ns.LOG, ns.MAX_MIN) if kind == "mapped" else (ns.LOG,)
    ns.testing.check_constraint(constraint, exact=level == "hall", semirings=semirings)


def test_every_kind_is_pruned_as_documented():
    """Each on variables of its own: Hall sets exactly, singles by their rules."""
    problem, constraints = ns.Problem(), []
    for level in ("singles", "hall"):
        for kind, (domains, maps) in ENTRIES.items():
            x = [problem.variable(f"{level} {kind} {k}", domain=d) for k, d in enumerate(domains)]
            constraints.append(ns.AllDifferent(entries_of(x, maps), level))
    pigeons = [c for c in constraints if isinstance(joined(c), TableRelation)]
    assert len(pigeons) == 2
    kept = [c for c in constraints if c not in pigeons]
    problem.add(*kept)
    network = problem.compile()
    rng = np.random.default_rng(0)
    masks = one_round.random_masks(network, rng, 64, least=0.4)
    prune = jax.jit(lambda mask: ns.propagate(network, mask).domains.mask)
    weaker = 0
    for constraint in kept:
        scope = [x.index for x in constraint.scope]
        here = np.broadcast_to(np.asarray(network.mask), masks.shape).copy()
        here[:, scope] = masks[:, scope]
        found = np.asarray(prune(here))
        wanted = one_round.supported(constraint, here)
        solvable = wanted.any(axis=(1, 2))
        if constraint.level == "hall" or len(scope) <= 2:
            np.testing.assert_array_equal(found[:, scope], wanted, repr(constraint))
            continue
        assert (found[:, scope] >= wanted).all()
        weaker += (found[solvable][:, scope] != wanted[solvable]).sum()
        for mask, left in zip(here[:, scope], found[:, scope], strict=True):
            np.testing.assert_array_equal(left, by_rules(constraint, mask), repr(constraint))
    assert weaker > 0


def by_rules(constraint, mask):
    """What the singles of one constraint leave, over its values in any order."""
    taken = sorted({value for row in constraint.values for value in row}, key=repr)
    sizes = [len(row) for row in constraint.values]
    wide = np.zeros((len(mask), len(taken)), bool)
    places = [[taken.index(value) for value in row] for row in constraint.values]
    for k, row in enumerate(places):
        wide[k, row] = mask[k, : sizes[k]]
    left = rules([tuple(range(len(mask)))], [len(taken)] * len(mask), wide)
    found = np.zeros_like(mask)
    for k, row in enumerate(places):
        found[k, : sizes[k]] = left[k, row]
    return found


def test_too_few_values_leave_no_solution():
    for level in ("singles", "hall"):
        problem, x = declare(ENTRIES["too few values"][0])
        problem.add(ns.AllDifferent(x, level))
        assert int(ns.propagate(problem.compile()).status) == ns.hard.Status.WIPED_OUT


def test_singles_are_weaker_than_hall_sets():
    mask = np.ones((3, 4), bool)
    mask[:2, 2:] = False  # two variables hold two values
    for level, third in (("singles", [1, 1, 1, 1]), ("hall", [0, 0, 1, 1])):
        problem, x = declare([range(4)] * 3)
        problem.add(ns.AllDifferent(x, level))
        found = ns.propagate(problem.compile(), mask).domains.mask
        assert found.astype(int).tolist()[2] == third
        assert found[:2].tolist() == mask[:2].tolist()


def test_a_long_chain_of_used_values(monkeypatch):
    monkeypatch.setattr(subsets_lowering, "MAX_DENSE", 4)
    _, x = declare([(0, 2), (2, 5, 1), (0, 7, 5), (1, 2)])
    constraint = ns.AllDifferent(x)
    assert len(joined(constraint).lower(frozenset()).labels) == 4
    one_round.assert_counts(constraint)


def test_hall_sets_over_several_words():
    """Against all assignments within the domains."""
    problem, x = declare([range(70)] * 5)
    problem.add(ns.AllDifferent(x, "hall"))
    rng = np.random.default_rng(0)
    masks = np.zeros((64, 5, 70), bool)
    for mask in masks:
        few = rng.choice(70, rng.integers(4, 8), replace=False)
        for row in mask:
            row[rng.choice(few, rng.integers(1, 4))] = True
    found = np.asarray(jax.jit(functools.partial(ns.propagate, problem.compile()))(masks)[0].mask)
    wiped = pruned = 0
    for mask, kept in zip(masks, found, strict=True):
        wanted = np.zeros_like(mask)
        for row in itertools.product(*(np.flatnonzero(values) for values in mask)):
            if len(set(row)) == 5:
                wanted[np.arange(5), row] = True
        np.testing.assert_array_equal(kept, wanted)
        wiped += not wanted.any()
        pruned += wanted.any() and (wanted != mask).any()
    assert wiped > 5
    assert pruned > 5


def rules(scopes, sizes, mask):
    """The documented propagation over ranges from 0, in plain Python, to its fixpoint."""
    domains = [set(np.flatnonzero(row).tolist()) for row in mask]
    values = [set(range(max(sizes[x] for x in scope))) for scope in scopes]
    complete = [len(v) == len(scope) for v, scope in zip(values, scopes, strict=True)]
    before = None
    while before != domains:
        before = [set(domain) for domain in domains]
        for c, scope in enumerate(scopes):
            for x in scope:
                if len(domains[x]) == 1:  # naked single
                    for y in scope:
                        if y != x:
                            domains[y] -= domains[x]
            for v in values[c] if complete[c] else ():
                places = [x for x in scope if v in domains[x]]
                if not places:
                    return np.zeros_like(mask)
                if len(places) == 1:  # hidden single
                    domains[places[0]] &= {v}
        for (a, first), (b, second) in itertools.permutations(enumerate(scopes), 2):
            shared = set(first) & set(second)
            rest, others = set(first) - shared, set(second) - shared
            if len(shared) < 2 or not complete[a] or not rest or values[b] > values[a]:
                continue
            bound = values[a].difference(*(domains[x] for x in rest))
            for x in others:
                domains[x] -= bound
        if not all(domains):
            return np.zeros_like(mask)
    return np.asarray([[v in domain for v in range(mask.shape[1])] for domain in domains])


def solutions_of(scopes, sizes):
    """``int[S, V]``, by extension of partial assignments."""
    rows = np.zeros((1, 0), int)
    for x, size in enumerate(sizes):
        rows = np.concatenate([np.insert(rows, x, v, axis=1) for v in range(size)])
        for scope in scopes:
            if x in scope:
                earlier = [y for y in scope if y < x]
                rows = rows[(rows[:, earlier] != rows[:, [x]]).all(axis=1)]
    return rows


def lines(grid):
    return [*map(tuple, grid.tolist()), *map(tuple, grid.T.tolist())]


def structures():
    """Scopes and the number of values of each variable."""
    grid = np.arange(16).reshape(4, 4)
    boxes = grid.reshape(2, 2, 2, 2).swapaxes(1, 2).reshape(4, 4)
    yield "sudoku", [*lines(grid), *map(tuple, boxes.tolist())], [4] * 16
    jigsaw = [(0, 1, 2, 5), (3, 6, 7, 11), (4, 8, 9, 12), (10, 13, 14, 15)]
    yield "jigsaw", [*lines(grid), *jigsaw], [4] * 16
    # Only some of the lines are given, and the pieces overlap one another.
    pieces = [(0, 1, 2, 3), (0, 1, 4, 5), (4, 5, 6, 7), (1, 2, 5, 6), (2, 3, 6)]
    yield "pieces", pieces, [4] * 9
    yield "one pair", [(0, 1, 2, 3, 4), (3, 4, 5, 6, 7)], [5] * 9
    # Values that only the second constraint has are none of the first's business.
    yield "ranges", [(0, 1, 2), (0, 1, 3, 4), (1, 2, 4, 5)], [3, 3, 3, 4, 4, 5]
    yield "nested", [(0, 1, 2, 3), (0, 1, 2), (2, 3, 4, 5)], [4] * 6
    yield "incomplete", [(0, 1, 2), (1, 2, 3), (3, 4), (3, 4, 5)], [4] * 6
    rng = np.random.default_rng(0)
    for n in range(4):
        colours = rng.permutation(10) % 4  # a solution
        scopes = []
        while len(scopes) < 7:
            scope = rng.permutation(10)[: rng.integers(2, 5)].tolist()
            if len(set(colours[scope])) == len(scope):
                scopes.append(tuple(scope))
        yield f"random {n}", scopes, [4] * 10


@pytest.mark.parametrize("structure", structures(), ids=lambda x: x[0])
def test_overlapping_constraints_follow_their_rules_and_are_sound(structure):
    _, scopes, sizes = structure
    problem, x = declare([range(size) for size in sizes])
    problem.add(*(ns.AllDifferent([x[n] for n in scope]) for scope in scopes))
    network = problem.compile()
    declared = np.asarray(network.mask)
    solutions = solutions_of(scopes, sizes)
    assert len(solutions)
    assert all(network.allows(row) for row in solutions[:5])
    rng = np.random.default_rng(1)
    masks = np.zeros((96, *declared.shape), bool)
    for n, mask in enumerate(masks):  # a few solutions, and some other values
        for row in solutions[rng.integers(len(solutions), size=n % 3)]:
            mask[np.arange(len(sizes)), row] = True
        mask |= rng.random(mask.shape) < rng.uniform(0.1, 0.9)
    masks &= declared
    found = np.asarray(jax.jit(lambda masks: ns.propagate(network, masks).domains.mask)(masks))
    pruned = 0
    for mask, kept in zip(masks, found, strict=True):
        np.testing.assert_array_equal(kept, rules(scopes, sizes, mask))
        alive = mask[np.arange(len(sizes)), solutions].all(axis=1)
        assert kept[np.arange(len(sizes)), solutions[alive]].all()
        pruned += kept.any() and (kept != mask).any()
    assert pruned > 10


def test_what_must_lie_in_a_shared_part_leaves_the_rest():
    """A locked candidate of sudoku: 5 fits only into the first row of a box."""
    problem = ns.Problem()
    cells = problem.variables("cell", shape=(9, 9), domain=range(1, 10))
    boxes = cells.reshape(3, 3, 3, 3).swapaxes(1, 2).reshape(9, 9)
    for lines_of in (cells, cells.T, boxes):
        problem.add(*(ns.AllDifferent(line) for line in lines_of))
    mask = np.ones((9, 9, 9), bool)
    mask[1:3, :3, 4] = False
    found = np.asarray(ns.propagate(problem.compile(), mask.reshape(81, 9)).domains.mask)
    wanted = mask.copy()
    wanted[0, 3:, 4] = False
    np.testing.assert_array_equal(found.reshape(9, 9, 9), wanted)


@pytest.mark.parametrize("shuffled", [False, True])
def test_singles_over_several_words(shuffled):
    """Seventy variables take seventy values; a second constraint shares twenty of the variables."""
    size = 70
    rng = np.random.default_rng(3)
    order = [rng.permutation(size) if shuffled else np.arange(size) for _ in range(size + 30)]
    problem, x = declare([values.tolist() for values in order])
    scopes = [tuple(range(size)), tuple(range(50, 100))]
    problem.add(*(ns.AllDifferent([x[n] for n in scope]) for scope in scopes))
    network = problem.compile()
    masks = np.zeros((12, size + 30, size), bool)
    for n, mask in enumerate(masks):
        for _ in range(1 + n % 4):
            row = rng.permutation(size)
            row = np.concatenate(
                [row, rng.permutation(np.setdiff1d(np.arange(size), row[50:]))[:30]]
            )
            mask[np.arange(size + 30), row] = True
        mask[:, rng.integers(size, size=5)] = True
        mask[rng.integers(size, size=40)] |= rng.random((40, size)) < 0.3
    masks[-1, :, 66] = False  # this value has no place
    masks[-2, 4] = masks[-2, 7] = np.arange(size) == 68  # and this one two
    given = np.stack([masks[:, n, values] for n, values in enumerate(order)], axis=1)
    found = np.asarray(jax.jit(lambda masks: ns.propagate(network, masks).domains.mask)(given))
    back = np.stack([found[:, n, np.argsort(values)] for n, values in enumerate(order)], axis=1)
    for mask, kept in zip(masks, back, strict=True):
        wanted = rules(scopes[:1] if shuffled else scopes, [size] * 100, mask)
        if shuffled:  # without the rule of shared parts, but with both constraints
            wanted = alone(scopes, mask)
        np.testing.assert_array_equal(kept, wanted)
    assert not back[-2:].any()
    assert back[:-2].any(axis=(1, 2)).sum() > 5


def alone(scopes, mask):
    """The rules of each constraint by itself, in turn, to the fixpoint of all."""
    before = None
    while before is None or (before != mask).any():
        before = mask
        for scope in scopes:
            mask = mask & rules([scope], [mask.shape[1]] * len(mask), mask)
    return mask


def test_what_is_refused():
    problem, (x, y, z) = declare([range(3), range(3), ("a", "b")])
    for entries, level, message in [
        ([], "singles", "at least one variable"),
        ([x, y, x], "singles", "names variable 'x0' twice"),
        ([3, 4], "singles", "at least one variable"),
        ([x, z + 1], "singles", "arithmetic on variable 'x2'"),
        ([x, [1]], "singles", "neither a variable, an expression nor a value"),
        ([x, y], "bounds", "levels singles, hall, not bounds"),
    ]:
        with pytest.raises(ValueError, match=message):
            ns.AllDifferent(entries, level)
    many = problem.variables("many", shape=MAX_HALL + 1, domain=range(20))
    with pytest.raises(ValueError, match=f"at most {MAX_HALL} variables"):
        ns.AllDifferent(many, "hall")
