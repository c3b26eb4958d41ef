"""Random logic programs as data, their text, and their probabilities by enumerating worlds.

The oracle grounds by trying every value for every variable, and gives each world its least model
stratum by stratum. It shares no code with `neurosym.programs`, not even the parser: programs are
data here, and text is what they are printed as.
"""

import itertools
from typing import NamedTuple

from hypothesis import strategies as st

VALUES = (0, 1, 2, 3, 9)
MAX_WORLDS = 3000


class Lit(NamedTuple):
    """A literal of a body, "pos", "neg" or "test"; a test is (left, operator, right)."""

    kind: str
    name: str
    args: tuple


class Clause(NamedTuple):
    """``heads`` are pairs of a probability (None: certain) and (name, args)."""

    heads: tuple
    body: tuple


class Case(NamedTuple):
    """A program, its queries (name, args) and evidence (name, args, truth)."""

    clauses: tuple
    queries: tuple
    evidence: tuple


def text_of(case):
    """The program as text."""
    lines = []
    for clause in case.clauses:
        heads = "; ".join(
            (f"{p}::" if p is not None else "") + atom_text(*head) for p, head in clause.heads
        )
        body = ", ".join(literal_text(literal) for literal in clause.body)
        lines.append(f"{heads} :- {body}." if body else f"{heads}.")
    lines += [f"query({atom_text(*q)})." for q in case.queries]
    lines += [f"evidence({atom_text(n, a)}, {str(v).lower()})." for n, a, v in case.evidence]
    return "\n".join(lines) + "\n"


def atom_text(name, args):
    return f"{name}({', '.join(map(str, args))})" if args else name


def literal_text(literal):
    if literal.kind == "test":
        left, operator, right = literal.args
        return f"{left} {operator} {right}"
    return ("\\+" if literal.kind == "neg" else "") + atom_text(literal.name, literal.args)


def world_probabilities(case):
    """The probability of each query given the evidence; None if that of the evidence is zero.

    Raises:
      OverflowError: if there are too many worlds.
    """
    rules = []  # (probabilities or None, heads, positive atoms, negative atoms)
    for clause in case.clauses:
        names = sorted({a for a in _all_args(clause) if isinstance(a, str)})
        for values in itertools.product(VALUES, repeat=len(names)):
            bound = dict(zip(names, values, strict=True))
            if all(_holds(t, bound) for t in clause.body if t.kind == "test"):
                heads = [(n, _bind(args, bound)) for _, (n, args) in clause.heads]
                own = [(b.kind, (b.name, _bind(b.args, bound))) for b in clause.body]
                positive = [atom for kind, atom in own if kind == "pos"]
                negative = [atom for kind, atom in own if kind == "neg"]
                rules.append(([p for p, _ in clause.heads], heads, positive, negative))
    possible = set()
    while True:
        more = {h for _, hs, pos, _ in rules if possible.issuperset(pos) for h in hs} - possible
        if not more:
            break
        possible |= more
    rules = [rule for rule in rules if possible.issuperset(rule[2])]
    choices = [n for n, rule in enumerate(rules) if rule[0][0] is not None]
    worlds = 1
    for n in choices:
        worlds *= len(rules[n][0]) + 1
    if worlds > MAX_WORLDS:
        raise OverflowError
    strata = _strata(case)
    queries = [(n, tuple(a)) for n, a in case.queries]
    found, total = [0.0] * len(queries), 0.0
    for picks in itertools.product(*[range(len(rules[n][0]) + 1) for n in choices]):
        weight, chosen = 1.0, dict(zip(choices, picks, strict=True))
        for n, pick in chosen.items():
            probabilities = rules[n][0]
            weight *= (*probabilities, 1 - sum(probabilities))[pick]
        if weight == 0:
            continue
        active = []
        for n, (_, heads, positive, negative) in enumerate(rules):
            pick = chosen.get(n, 0)
            if pick < len(heads):
                active.append((heads[pick], positive, negative))
        model = _model(active, strata)
        if all(((n, tuple(a)) in model) == v for n, a, v in case.evidence):
            total += weight
            for k, query in enumerate(queries):
                found[k] += weight * (query in model)
    return None if total <= 1e-12 else [x / total for x in found]


def _model(active, strata):
    model = set()
    for stratum in sorted(set(strata.values())):
        own = [rule for rule in active if strata[rule[0][0]] == stratum]
        while True:
            more = {
                head
                for head, positive, negative in own
                if model.issuperset(positive) and not model.intersection(negative)
            } - model
            if not more:
                break
            model |= more
    return model


def _strata(case):
    """By name: "b..." is below "d0...", that below "d1...": how programs are drawn."""
    names = {n for c in case.clauses for _, (n, _) in c.heads}
    return {n: -1 if n[0] == "b" else int(n[1]) for n in names}


def _all_args(clause):
    for _, (_, args) in clause.heads:
        yield from args
    for literal in clause.body:
        if literal.kind == "test":
            yield from (x for x in literal.args[::2] if isinstance(x, str) and x.isalpha())
            yield from (x.split(" ")[0] for x in literal.args[2:] if " " in str(x))
        else:
            yield from literal.args


def _bind(args, bound):
    return tuple(bound.get(a, a) for a in args)


def _holds(literal, bound):
    left, operator, right = literal.args
    x = bound.get(left, left)
    y = eval(str(right), {}, dict(bound)) if isinstance(right, str) else right
    operators = {
        "<": x < y,
        "=<": x <= y,
        "=\\=": x != y,
        "=:=": x == y,
        "is": x == y,
        "==": x == y,
        "\\==": x != y,
    }
    return operators[operator]


PROBABILITIES = st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.7, 0.9])


@st.composite
def programs(draw):
    """Facts, annotated disjunctions, rules with cycles, stratified negation, tests, evidence."""
    constants = st.integers(0, 2)
    clauses = []
    arity = {"b0": 0, "b1": 1, "b2": 2}
    for _ in range(draw(st.integers(2, 6))):
        name = draw(st.sampled_from(sorted(arity)))
        head = (name, tuple(draw(constants) for _ in range(arity[name])))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            clauses.append(Clause(((None, head),), ()))
        elif kind <= 3:
            clauses.append(Clause(((draw(PROBABILITIES), head),), ()))
        else:
            other = (name, tuple(draw(constants) for _ in range(arity[name])))
            p = draw(st.sampled_from([(0.3, 0.4), (0.5, 0.5), (0.2, 0.8), (0.1, 0.2)]))
            clauses.append(Clause(((p[0], head), (p[1], other)), ()))
    derived = {"d0a": 0, "d0b": 1, "d0c": 2, "d1a": 1, "d1b": 1, "d2a": 0}
    known = dict(arity)
    heads = draw(st.lists(st.sampled_from(sorted(derived)), min_size=1, max_size=6))
    defined = set(arity) | set(heads)
    for name in sorted(heads):
        known[name] = derived[name]
        stratum = int(name[1])
        usable = [n for n in defined if n[0] == "b" or int(n[1]) <= stratum]
        below = [n for n in defined if n[0] == "b" or int(n[1]) < stratum]
        clauses.append(draw(_rule(name, derived[name], usable, below, {**arity, **derived})))
    present = {n for c in clauses for _, (n, _) in c.heads}
    # What is used has to be defined somewhere: an impossible clause does it.
    for name in sorted((set(arity) | set(heads)) - present):
        head = (name, (9,) * arity.get(name, 0))
        clauses.append(Clause(((0.5, head),), ()))
    asked = sorted(set(heads))
    queries = [
        (n, tuple(draw(constants) for _ in range(derived[n]))) for n in asked for _ in range(2)
    ]
    evidence = []
    if draw(st.booleans()):
        for name in draw(st.lists(st.sampled_from(sorted(arity) + asked), max_size=2)):
            size = {**arity, **derived}[name]
            atom = tuple(draw(constants) for _ in range(size))
            evidence.append((name, atom, draw(st.booleans())))
    distinct = {(n, a): v for n, a, v in evidence}
    seen = tuple((n, a, v) for (n, a), v in distinct.items())
    return Case(tuple(clauses), tuple(dict.fromkeys(queries)), seen)


@st.composite
def _rule(draw, name, size, usable, below, arity):
    body, bound = [], []
    for _ in range(draw(st.integers(1, 2))):
        other = draw(st.sampled_from(sorted(usable)))
        terms = st.sampled_from(["X", "Y", "Z"]) | st.integers(0, 2)
        args = tuple(draw(terms) for _ in range(arity[other]))
        body.append(Lit("pos", other, args))
        bound += [a for a in args if isinstance(a, str)]
    value = st.integers(0, 2) if not bound else st.sampled_from(bound) | st.integers(0, 2)
    if bound and draw(st.integers(0, 3)) == 0:
        test = draw(st.sampled_from(["<", "=<", "=\\=", "=:=", "==", "\\=="]))
        body.append(Lit("test", "", (draw(st.sampled_from(bound)), test, draw(value))))
    if bound and size and draw(st.integers(0, 3)) == 0:
        term = f"{draw(st.sampled_from(bound))} + {draw(st.integers(0, 1))}"
        body += [Lit("test", "", ("W", "is", term)), Lit("test", "", ("W", "=<", 3))]
        bound.append("W")
        value = st.sampled_from(bound)
    if below and draw(st.booleans()):
        other = draw(st.sampled_from(sorted(below)))
        body.append(Lit("neg", other, tuple(draw(value) for _ in range(arity[other]))))
    head = (name, tuple(draw(value) for _ in range(size)))
    kind = draw(st.integers(0, 3))
    if kind <= 1:
        return Clause(((None, head),), tuple(body))
    if kind == 2:
        return Clause(((draw(PROBABILITIES), head),), tuple(body))
    other = (name, tuple(draw(value) for _ in range(size)))
    return Clause(((0.3, head), (0.5, other)), tuple(body))
