"""Models as users of CPMpy write them: puzzles, scheduling, packing, logic; many after CSPLib.

Each is a function without arguments that returns a `cpmpy.Model`. `MODELS` says of each what is
asked: "count" its solutions, or "best", the optimum of its objective.
"""

import itertools

import cpmpy as cp
import numpy as np


def send_more_money():
    s, e, n, d, m, o, r, y = letters = cp.intvar(0, 9, shape=8)
    send = cp.sum([1000, 100, 10, 1] * cp.cpm_array([s, e, n, d]))
    more = cp.sum([1000, 100, 10, 1] * cp.cpm_array([m, o, r, e]))
    money = cp.sum([10000, 1000, 100, 10, 1] * cp.cpm_array([m, o, n, e, y]))
    return cp.Model(cp.AllDifferent(letters), s > 0, m > 0, send + more == money)


def two_two_four():
    t, w, o, f, u, r = letters = cp.intvar(0, 9, shape=6)
    two = 100 * t + 10 * w + o
    return cp.Model(
        cp.AllDifferent(letters), t > 0, f > 0, two + two == 1000 * f + 100 * o + 10 * u + r
    )


def queens(n=8):
    x = cp.intvar(1, n, shape=n)
    return cp.Model(
        cp.AllDifferent(x),
        cp.AllDifferent([x[i] + i for i in range(n)]),
        cp.AllDifferent([x[i] - i for i in range(n)]),
    )


def magic_square(n=3):
    x = cp.intvar(1, n * n, shape=(n, n))
    total = n * (n * n + 1) // 2
    return cp.Model(
        cp.AllDifferent(x),
        [cp.sum(row) == total for row in x],
        [cp.sum(column) == total for column in x.T],
        cp.sum([x[i, i] for i in range(n)]) == total,
        cp.sum([x[i, n - 1 - i] for i in range(n)]) == total,
    )


def sudoku():
    given = "530070000600195000098000060800060003400803001700020006060000280000419005000080079"
    x = cp.intvar(1, 9, shape=(9, 9))
    model = cp.Model([cp.AllDifferent(row) for row in x], [cp.AllDifferent(c) for c in x.T])
    for i, j in itertools.product(range(0, 9, 3), repeat=2):
        model += cp.AllDifferent(x[i : i + 3, j : j + 3])
    for cell, digit in zip(x.flat, given, strict=True):
        if digit != "0":
            model += cell == int(digit)
    return model


def golomb(n=5):
    marks = cp.intvar(0, n * n, shape=n)
    differences = [marks[j] - marks[i] for i in range(n) for j in range(i + 1, n)]
    return cp.Model(
        marks[0] == 0,
        [marks[i] < marks[i + 1] for i in range(n - 1)],
        cp.AllDifferent(differences),
        minimize=marks[-1],
    )


def knapsack():
    weights = np.array([12, 2, 1, 4, 1, 7, 5, 9])
    values = np.array([4, 2, 1, 10, 2, 6, 7, 8])
    taken = cp.boolvar(shape=8)
    return cp.Model(cp.sum(weights * taken) <= 20, maximize=cp.sum(values * taken))


def bin_packing():
    sizes = [4, 3, 3, 2, 5, 1]
    where = cp.intvar(0, 3, shape=6)
    model = cp.Model(minimize=cp.max(where))
    for box in range(4):
        model += cp.sum([size * (x == box) for size, x in zip(sizes, where, strict=True)]) <= 7
    return model


def job_shop():
    jobs = [[(0, 3), (1, 2), (2, 2)], [(0, 2), (2, 1), (1, 4)], [(1, 4), (2, 3), (0, 1)]]
    start = cp.intvar(0, 14, shape=(3, 3))
    end = cp.intvar(0, 15)
    model = cp.Model(minimize=end)
    for j, job in enumerate(jobs):
        for k in range(2):
            model += start[j, k] + job[k][1] <= start[j, k + 1]
        model += start[j, 2] + job[2][1] <= end
    for machine in range(3):
        tasks = [(j, k) for j in range(3) for k in range(3) if jobs[j][k][0] == machine]
        model += cp.NoOverlap([start[t] for t in tasks], [jobs[j][k][1] for j, k in tasks])
    return model


def travelling_salesman():
    distance = np.array(
        [[0, 3, 4, 2, 7], [3, 0, 4, 6, 3], [4, 4, 0, 5, 8], [2, 6, 5, 0, 6], [7, 3, 8, 6, 0]]
    )
    after = cp.intvar(0, 4, shape=5)
    cost = cp.sum([cp.cpm_array(distance[i])[after[i]] for i in range(5)])
    return cp.Model(cp.Circuit(after), minimize=cost)


PETERSEN = [(i, (i + 1) % 5) for i in range(5)] + [(i, i + 5) for i in range(5)]
PETERSEN += [(5 + i, 5 + (i + 2) % 5) for i in range(5)]


def graph_colouring():
    colour = cp.intvar(1, 4, shape=10)
    return cp.Model([colour[i] != colour[j] for i, j in PETERSEN], minimize=cp.max(colour))


def magic_series(n=7):
    x = cp.intvar(0, n - 1, shape=n)
    return cp.Model([x[i] == cp.Count(x, i) for i in range(n)])


def langford(n=4):
    position = cp.intvar(0, 2 * n - 1, shape=2 * n)
    pairs = [position[n + i] == position[i] + i + 2 for i in range(n)]
    return cp.Model(cp.AllDifferent(position), pairs)


def all_interval(n=7):
    x = cp.intvar(0, n - 1, shape=n)
    return cp.Model(
        cp.AllDifferent(x), cp.AllDifferent([abs(x[i + 1] - x[i]) for i in range(n - 1)])
    )


def costas(n=5):
    x = cp.intvar(1, n, shape=n)
    model = cp.Model(cp.AllDifferent(x))
    for gap in range(1, n - 1):
        model += cp.AllDifferent([x[i + gap] - x[i] for i in range(n - gap)])
    return model


def latin_square(n=4):
    x = cp.intvar(1, n, shape=(n, n))
    return cp.Model([cp.AllDifferent(r) for r in x], [cp.AllDifferent(c) for c in x.T])


def zebra():
    def five():
        return cp.intvar(1, 5, shape=5)

    english, spaniard, japanese, ukrainian, norwegian = nation = five()
    red, green, white, yellow, blue = colour = five()
    dog, snails, fox, horse, zebra = animal = five()
    painter, sculptor, diplomat, violinist, doctor = job = five()
    tea, coffee, milk, juice, water = drink = five()
    return cp.Model(
        [cp.AllDifferent(x) for x in (nation, colour, animal, job, drink)],
        english == red, spaniard == dog, japanese == painter, ukrainian == tea,
        norwegian == 1, green == coffee, green == white + 1, sculptor == snails,
        diplomat == yellow, milk == 3, abs(norwegian - blue) == 1, violinist == juice,
        abs(fox - doctor) == 1, abs(horse - diplomat) == 1, zebra != water,
    )  # fmt: skip


def coins():
    number = cp.intvar(0, 10, shape=5)
    return cp.Model(cp.sum([1, 2, 5, 10, 25] * number) == 48, minimize=cp.sum(number))


def assignment():
    cost = np.random.default_rng(0).integers(1, 20, (6, 6))
    to = cp.intvar(0, 5, shape=6)
    return cp.Model(
        cp.AllDifferent(to), minimize=cp.sum([cp.cpm_array(cost[i])[to[i]] for i in range(6)])
    )


def quadratic_assignment(n=4):
    rng = np.random.default_rng(1)
    flow, distance = rng.integers(0, 6, (n, n)), rng.integers(1, 8, (n, n))
    at = cp.intvar(0, n - 1, shape=n)
    table = cp.cpm_array(distance)
    pairs = itertools.permutations(range(n), 2)
    cost = cp.sum([int(flow[i, j]) * table[at[i], at[j]] for i, j in pairs])
    return cp.Model(cp.AllDifferent(at), minimize=cost)


def warehouses():
    cost = np.array([[20, 24, 11], [28, 27, 82], [74, 97, 71], [2, 55, 73], [46, 96, 59]])
    supplier = cp.intvar(0, 2, shape=5)
    opened = cp.boolvar(shape=3)
    model = cp.Model([cp.Count(supplier, w) <= 3 for w in range(3)])
    for store in range(5):
        model += [(supplier[store] == w).implies(opened[w]) for w in range(3)]
    served = cp.sum([cp.cpm_array(cost[s])[supplier[s]] for s in range(5)])
    model.minimize(served + 30 * cp.sum(opened))
    return model


def social_golfers(groups=2, size=2, weeks=3):
    players = groups * size
    group = cp.intvar(0, groups - 1, shape=(weeks, players))
    model = cp.Model()
    for week in group:
        model += cp.GlobalCardinalityCount(week, list(range(groups)), [size] * groups)
    for p, q in itertools.combinations(range(players), 2):
        model += cp.sum([week[p] == week[q] for week in group]) <= 1
    return model


def steiner_triples():
    lines = cp.boolvar(shape=(7, 7))
    model = cp.Model([cp.sum(line) == 3 for line in lines], [cp.sum(c) == 3 for c in lines.T])
    for a, b in itertools.combinations(range(7), 2):
        model += cp.sum([lines[a, k] & lines[b, k] for k in range(7)]) == 1
    model += cp.LexChainLess([list(line) for line in lines])
    model += cp.LexChainLess([list(column) for column in lines.T])
    return model


def stable_marriage():
    women = [[5, 1, 2, 4, 3], [4, 1, 3, 2, 5], [5, 3, 2, 4, 1], [1, 5, 4, 3, 2], [4, 3, 2, 1, 5]]
    men = [[5, 1, 2, 4, 3], [4, 1, 3, 2, 5], [5, 3, 2, 4, 1], [1, 5, 4, 3, 2], [4, 3, 2, 1, 5]]
    husband, wife = cp.intvar(0, 4, shape=5), cp.intvar(0, 4, shape=5)
    model = cp.Model(cp.Inverse(husband, wife))
    for m, w in itertools.product(range(5), repeat=2):
        better_for_him = cp.cpm_array(men[m])[wife[m]] > men[m][w]
        better_for_her = cp.cpm_array(women[w])[husband[w]] > women[w][m]
        model += ~(better_for_him & better_for_her)
    return model


def nonogram():
    rows = [[1, 1], [5], [5], [3], [1]]
    columns = [[2], [4], [4], [4], [2]]
    cells = cp.intvar(0, 1, shape=(5, 5))

    def spells(line, clues):
        moves, state = [(0, 0, 0)], 0
        for n, clue in enumerate(clues):
            for _ in range(clue):
                moves.append((state, 1, state + 1))
                state += 1
            if n < len(clues) - 1:
                moves += [(state, 0, state + 1), (state + 1, 0, state + 1)]
                state += 1
        return cp.Regular(line, [*moves, (state, 0, state)], 0, [state])

    return cp.Model(
        [spells(cells[i], clues) for i, clues in enumerate(rows)],
        [spells(cells[:, j], clues) for j, clues in enumerate(columns)],
    )


def project():
    duration, demand = [3, 2, 4, 2, 3], [2, 1, 2, 3, 1]
    start = cp.intvar(0, 12, shape=5)
    end = cp.intvar(0, 14)
    return cp.Model(
        cp.Cumulative(start, duration, demand=demand, capacity=4),
        [start[i] + duration[i] <= start[j] for i, j in [(0, 2), (1, 3), (2, 4)]],
        [start[i] + duration[i] <= end for i in range(5)],
        minimize=end,
    )


def subset_sum():
    numbers = [3, 34, 4, 12, 5, 2, 17, 9, 21, 8]
    taken = cp.boolvar(shape=10)
    return cp.Model(cp.sum(numbers * taken) == 40)


def vertex_cover():
    x = cp.boolvar(shape=10)
    return cp.Model([x[i] | x[j] for i, j in PETERSEN], minimize=cp.sum(x))


def independent_sets():
    x = cp.boolvar(shape=10)
    return cp.Model([~(x[i] & x[j]) for i, j in PETERSEN])


def set_cover():
    sets = [{0, 1, 2}, {1, 3}, {2, 4, 5}, {3, 5, 6}, {0, 6}, {4, 6}, {1, 5}]
    costs = [5, 3, 6, 5, 3, 2, 3]
    taken = cp.boolvar(shape=7)
    model = cp.Model(minimize=cp.sum(costs * taken))
    for item in range(7):
        model += cp.any([taken[k] for k, own in enumerate(sets) if item in own])
    return model


def dominating_queens(n=5):
    board = cp.boolvar(shape=(n, n))
    model = cp.Model(minimize=cp.sum(board))
    for i, j in itertools.product(range(n), repeat=2):
        seen = [
            board[a, b]
            for a, b in itertools.product(range(n), repeat=2)
            if a == i or b == j or abs(a - i) == abs(b - j)
        ]
        model += cp.any(seen)
    return model


def knights_and_knaves():
    a, b, c = cp.boolvar(shape=3)  # whether each of them tells the truth
    return cp.Model(a == (~b & ~c), b == (cp.sum([a, b, c]) == 1), c == (a | ~b))


def satisfiability():
    rng = np.random.default_rng(2)
    x = cp.boolvar(shape=12)
    model = cp.Model()
    for _ in range(40):
        chosen = rng.permutation(12)[:3]
        model += cp.any([x[i] if rng.random() < 0.5 else ~x[i] for i in chosen])
    return model


def photo():
    wishes = [(0, 2), (0, 4), (1, 3), (1, 4), (2, 3), (3, 0), (4, 0), (4, 1)]
    place = cp.intvar(1, 5, shape=5)
    granted = cp.sum([abs(place[i] - place[j]) == 1 for i, j in wishes])
    return cp.Model(cp.AllDifferent(place), place[0] < place[4], maximize=granted)


def schur(n=13):
    box = cp.intvar(0, 2, shape=n + 1)
    model = cp.Model(cp.Precedence(box[1:], [0, 1, 2]), box[0] == 0)
    for a in range(1, n + 1):
        for b in range(a, n + 1 - a):
            model += ~((box[a] == box[b]) & (box[b] == box[a + b]))
    return model


def pythagorean_triples():
    a, b, c = cp.intvar(1, 25, shape=3)
    return cp.Model(a * a + b * b == c * c, a < b)


def car_sequencing():
    options = np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    demand, windows = [2, 2, 1, 2], [(1, 2), (2, 3), (2, 3)]
    car = cp.intvar(0, 3, shape=7)
    model = cp.Model(cp.GlobalCardinalityCount(car, [0, 1, 2, 3], demand))
    for option, (most, length) in enumerate(windows):
        has = [cp.cpm_array(options[:, option])[car[i]] for i in range(7)]
        model += [cp.sum(has[i : i + length]) <= most for i in range(8 - length)]
    return model


def curriculum():
    credits = [3, 2, 4, 1, 3, 2]
    period = cp.intvar(0, 2, shape=6)
    load = [cp.sum([c * (p == k) for c, p in zip(credits, period, strict=True)]) for k in range(3)]
    return cp.Model([period[i] < period[j] for i, j in [(0, 2), (1, 4)]], minimize=cp.max(load))


def minesweeper():
    board = ["..2.3", "2....", "..24.", "1.34.", ".....", ".3.3."]
    mines = cp.boolvar(shape=(6, 5))
    model = cp.Model()
    for i, row in enumerate(board):
        for j, sign in enumerate(row):
            if sign != ".":
                near = mines[max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
                model += [~mines[i, j], cp.sum(near) == int(sign)]
    return model


def de_bruijn(n=3):
    number = cp.intvar(0, 2**n - 1, shape=2**n)
    bits = cp.boolvar(shape=2**n)
    model = cp.Model(cp.AllDifferent(number), number[0] == 0)
    for i in range(2**n):
        window = [bits[(i + k) % 2**n] for k in range(n)]
        model += number[i] == cp.sum([2 ** (n - 1 - k) * b for k, b in enumerate(window)])
    return model


def ordered_matrices():
    x = cp.boolvar(shape=(3, 3))
    model = cp.Model(cp.sum(x) == 4)
    for rows in (x, x.T):
        model += [cp.LexLessEq(list(rows[i]), list(rows[i + 1])) for i in range(2)]
    return model


def rota():
    shift = cp.intvar(0, 2, shape=(2, 5))  # free, early, late
    moves = [(s, v, v) for s in range(3) for v in range(3) if (s, v) != (2, 1)]
    model = cp.Model([cp.Regular(list(row), moves, 0, [0, 1, 2]) for row in shift])
    for day in shift.T:
        model += [cp.Count(day, 1) == 1]
    model += [cp.Among(row, [1, 2]) <= 4 for row in shift]
    return model


def water_sort_key():
    x = cp.intvar(0, 5, shape=4)
    return cp.Model(cp.NValue(x) == 3, cp.Increasing(x), x[3] % 2 == 1, x[0] + x[3] >= 4)


def rectangle():
    width, height = cp.intvar(1, 30, shape=2)
    return cp.Model(2 * (width + height) <= 50, width <= 2 * height, maximize=width * height)


MODELS = {
    "SEND + MORE = MONEY": (send_more_money, "count"),
    "TWO + TWO = FOUR": (two_two_four, "count"),
    "8 queens": (queens, "count"),
    "magic square 3": (magic_square, "count"),
    "sudoku": (sudoku, "count"),
    "Golomb ruler 5": (golomb, "best"),
    "knapsack": (knapsack, "best"),
    "bin packing": (bin_packing, "best"),
    "job shop 3x3": (job_shop, "best"),
    "travelling salesman 5": (travelling_salesman, "best"),
    "graph colouring": (graph_colouring, "best"),
    "magic series 7": (magic_series, "count"),
    "Langford 4": (langford, "count"),
    "all intervals 7": (all_interval, "count"),
    "Costas arrays 5": (costas, "count"),
    "Latin squares 4": (latin_square, "count"),
    "zebra": (zebra, "count"),
    "coins": (coins, "best"),
    "assignment 6": (assignment, "best"),
    "quadratic assignment 4": (quadratic_assignment, "best"),
    "warehouses": (warehouses, "best"),
    "social golfers 2-2-3": (social_golfers, "count"),
    "Steiner triples 7": (steiner_triples, "count"),
    "stable marriages 5": (stable_marriage, "count"),
    "nonogram": (nonogram, "count"),
    "project scheduling": (project, "best"),
    "subset sum": (subset_sum, "count"),
    "vertex cover": (vertex_cover, "best"),
    "independent sets": (independent_sets, "count"),
    "set cover": (set_cover, "best"),
    "dominating queens 5": (dominating_queens, "best"),
    "knights and knaves": (knights_and_knaves, "count"),
    "3-SAT": (satisfiability, "count"),
    "photo": (photo, "best"),
    "Schur 13": (schur, "count"),
    "Pythagorean triples": (pythagorean_triples, "count"),
    "car sequencing": (car_sequencing, "count"),
    "curriculum": (curriculum, "best"),
    "minesweeper": (minesweeper, "count"),
    "de Bruijn 3": (de_bruijn, "count"),
    "ordered matrices": (ordered_matrices, "count"),
    "rota": (rota, "count"),
    "numbers of values": (water_sort_key, "count"),
    "rectangle": (rectangle, "best"),
}
"""By name: the model, and what is asked of it."""
