"""Learning a program's own probabilities, ``t(p)`` and ``t(_)``, by gradient.

    t(_)::f(a); t(_)::f(b); t(_)::f(c).       examples a, a, b, b, c       0.4, 0.4, 0.2

logits of what is free ─▶ log-probabilities of each learnable clause ─▶ one root for each distinct
interpretation ─▶ mean log-likelihood ─▶ optax

An interpretation says of some atoms whether they hold, and may leave all others open. The
likelihood of the examples is what ProbLog's learning from interpretations (LFI) climbs as well, by
EM; both end in a local maximum. A value that the program states stays as it is; the values that are
learned share the rest with "none of them".

References:
  Gutmann, Thon, De Raedt. Learning the Parameters of Probabilistic Logic Programs from
  Interpretations. ECML 2011. https://doi.org/10.1007/978-3-642-23780-5_47
"""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from neurosym.programs.program import Program
from neurosym.programs.question import ProgramQuery
from neurosym.programs.syntax import ProgramError, parse_sentences
from neurosym.programs.terms import Term, is_callable, show

if TYPE_CHECKING:
    from neurosym.programs.ground import Choice

STEPS, LEARNING_RATE = 1_000, 0.1
_JITTER = 0.1
_EXAMPLE = "$example"
_SEPARATOR = re.compile(r"^\s*-{3,}\s*$", re.MULTILINE)

Interpretation = tuple[tuple[Term, bool], ...]
"""Ground atoms and whether each of them was seen to hold."""


@dataclasses.dataclass(frozen=True)
class Learned:
    """What was learned.

    Attributes:
      probabilities: of each learnable clause, by its "LINE:COLUMN": of its values as the clause
        writes them, and last of none of them.
      log_likelihood: of all examples, in nats.
      examples: how many there are.
      text: the program with the learned probabilities in place of ``t(...)``.
    """

    probabilities: dict[str, tuple[float, ...]]
    log_likelihood: float
    examples: int
    text: str


def initial_logits(question: ProgramQuery, *, seed: int | None = None) -> dict[str, jax.Array]:
    """Logits float32[F] of the F values of each learnable clause that are free.

    Args:
      question: whose learnable clauses are meant.
      seed: moves the logits a little, since hidden choices that start alike would stay alike; None
        starts at what the program states.
    """
    chance = None if seed is None else np.random.default_rng(seed)
    found = {}
    for group, own in question.groups.items():
        choice = question.ground.choices[own[0]]
        free = np.asarray(choice.free)
        with np.errstate(divide="ignore"):
            logits = np.log(np.asarray(choice.probabilities))[free]
        logits = np.maximum(logits, -30.0)
        if chance is not None:
            logits = logits + _JITTER * chance.normal(size=logits.shape)
        found[group] = jnp.asarray(logits, jnp.float32)
    return found


def log_parameters(question: ProgramQuery, logits: Mapping[str, jax.Array]) -> dict[str, jax.Array]:
    """Log-probabilities float32[K] of each learnable clause, as `ProgramQuery` takes them.

    Args:
      question: as of `initial_logits`.
      logits: float32[F] of each clause.
    """
    return {
        group: _log_probabilities(question.ground.choices[own[0]], logits[group])
        for group, own in question.groups.items()
    }


def _log_probabilities(choice: Choice, logits: jax.Array) -> jax.Array:
    free = np.asarray(choice.free)
    stated = np.asarray(choice.probabilities)
    rest = max(1 - float(stated[~free].sum()), 0.0)
    with np.errstate(divide="ignore"):
        fixed = jnp.asarray(np.log(np.where(free, 1.0, stated)), jnp.float32)
        share = np.float32(np.log(rest))
    return fixed.at[np.flatnonzero(free)].set(jax.nn.log_softmax(logits) + share)


def read_interpretations(text: str, file: str = "<examples>") -> list[Interpretation]:
    """Interpretations, separated by lines of ``---``, as ProbLog's LFI has them.

    >>> read_interpretations("evidence(a). evidence(b(1), false).\\n---\\nevidence(\\\\+ a).")
    [(('a', True), (('b', 1), False)), (('a', False),)]

    Args:
      text: of sentences ``evidence(atom).``, ``evidence(atom, false).`` and
        ``evidence(\\\\+ atom).``; parts without a sentence are passed over.
      file: what errors call it.

    Raises:
      ProgramError: with line and column of what is not such a sentence; there are no examples, or
        one contradicts itself.
    """
    found, start = [], 0
    for end, after in [*(cut.span() for cut in _SEPARATOR.finditer(text)), (len(text), 0)]:
        lines = text.count("\n", 0, start)  # so that errors have the file's own lines
        own = _interpretation("\n" * lines + text[start:end], file)
        found += [own] if own else []
        start = after
    if not found:
        raise ProgramError(f"{file}: there is no example: write evidence(atom). and lines of ---")
    return found


def _interpretation(text: str, file: str) -> Interpretation:
    seen: dict[Term, bool] = {}
    for sentence in parse_sentences(text, file):
        head, place = sentence.head, sentence.place
        told = isinstance(head, tuple) and head[0] == "evidence" and len(head) in (2, 3)
        if sentence.kind != "fact" or not told:
            raise place.error("an example consists of sentences evidence(atom, true or false)")
        assert isinstance(head, tuple)
        atom, value = head[1], True
        if len(head) == 3:
            if head[2] not in ("true", "false"):
                raise place.error(f"evidence is true or false, not {show(head[2])}")
            value = head[2] == "true"
        while isinstance(atom, tuple) and atom[0] == "\\+":
            atom, value = atom[1], not value
        if not is_callable(atom):
            raise place.error(f"evidence is about an atom, not {show(atom)}")
        if seen.setdefault(atom, value) != value:
            raise place.error(f"the example says both of {show(atom)}: true and false")
    return tuple(seen.items())


class Examples(NamedTuple):
    """Interpretations as a question: a root for each one that differs from the others."""

    question: ProgramQuery
    counts: np.ndarray  # float32[R]: how often each is there
    shown: tuple[str, ...]  # how errors call each


def examples_question(program: Program, interpretations: Sequence[Interpretation]) -> Examples:
    """One question to a program about all interpretations.

    Raises:
      ProgramError: as of `Program.compile`; an interpretation speaks of what is not defined.
    """
    counted = collections.Counter(frozenset(own) for own in interpretations)
    rules, queries = [], []
    first = {frozenset(own): own for own in reversed(interpretations)}
    for number, key in enumerate(counted):
        body = ", ".join(("" if value else "\\+ ") + show(atom) for atom, value in first[key])
        queries.append(f"'{_EXAMPLE}'({number})")
        rules.append(f"'{_EXAMPLE}'({number}) :- {body or 'true'}.")
    text = "\n".join([program.text.rstrip("\n"), *rules, ""])
    question = Program.parse(text, **program.options).compile(queries, evidence="")
    shown = tuple(rule.split(" :- ")[1] for rule in rules)
    return Examples(question, np.asarray(list(counted.values()), np.float32), shown)


def learn(
    program: Program,
    interpretations: Sequence[Interpretation],
    *,
    optimizer: optax.GradientTransformation | None = None,
    steps: int = STEPS,
    seed: int = 0,
) -> Learned:
    """Learns the probabilities ``t(...)`` of a program from interpretations.

    Args:
      program: without networks.
      interpretations: complete or partial.
      optimizer: of optax; by default Adam with a rate that falls to zero.
      steps: of the optimiser, each on all examples.
      seed: of what ``t(_)`` starts from.

    Raises:
      ProgramError: nothing is learnable, the program has networks, or an example is impossible
        whatever the parameters are.
    """
    if not program.learnable:
        raise ProgramError("the program has nothing to learn: write t(_)::atom or t(0.3)::atom")
    if program.networks:
        raise ProgramError(
            f"the program asks the network {program.networks[0]}: train it as a task "
            "(experiments/program.py), where networks have inputs"
        )
    question, counts, shown = examples_question(program, interpretations)
    total = float(counts.sum())
    logits = initial_logits(question, seed=seed)
    if optimizer is None:
        optimizer = optax.adam(optax.cosine_decay_schedule(LEARNING_RATE, steps), b2=0.99)
    weights = jnp.asarray(counts / total)

    def log_likelihoods(logits: dict[str, jax.Array]) -> jax.Array:
        return question(parameters=log_parameters(question, logits))

    def loss(logits: dict[str, jax.Array]) -> jax.Array:
        return -(weights * log_likelihoods(logits)).sum()

    @jax.jit
    def fit(logits: dict[str, jax.Array]) -> tuple[jax.Array, dict[str, jax.Array], jax.Array]:
        def step(carry: Any, _: None) -> tuple[Any, None]:
            logits, state = carry
            updates, state = optimizer.update(jax.grad(loss)(logits), state, logits)
            return (optax.apply_updates(logits, updates), state), None

        (last, _), _ = jax.lax.scan(step, (logits, optimizer.init(logits)), length=steps)
        return log_likelihoods(logits), last, log_likelihoods(last)

    before, logits, after = jax.device_get(fit(logits))
    for number in np.flatnonzero(np.isneginf(before)):
        raise ProgramError(f"an example is impossible whatever the parameters are: {shown[number]}")
    found = {
        group: tuple(np.exp(np.asarray(own, np.float64)).tolist())
        for group, own in log_parameters(question, logits).items()
    }
    likelihood = float(np.sum(counts.astype(np.float64) * after))
    return Learned(found, likelihood, int(total), written(program, found))


def written(program: Program, probabilities: Mapping[str, Sequence[float]]) -> str:
    """The program's text with probabilities in place of ``t(...)``, where they were learned."""
    lines = program.text.splitlines(keepends=True)
    starts = np.cumsum([0, *map(len, lines)])
    places = []
    for group, values in probabilities.items():
        line, column = map(int, group.split(":"))
        position = int(starts[line - 1]) + column - 1
        clause = next(
            own
            for own in program.clauses.clauses
            if (own.place.line, own.place.column) == (line, column)
        )
        for head, value in zip(clause.heads, values, strict=False):
            if not _is_learnable(head.label):
                continue
            begin, end = _label_span(program.text, position)
            places.append((begin, end, f"{value:.6g}"))
            position = end
    text = program.text
    for begin, end, own in sorted(places, reverse=True):
        text = text[:begin] + own + text[end:]
    return text


def _is_learnable(label: Any) -> bool:
    from neurosym.programs.clauses import Learnable

    return isinstance(label, Learnable)


def _label_span(text: str, position: int) -> tuple[int, int]:
    """Where the next ``t(...)`` before a ``::`` stands."""
    token = re.compile(
        r"%[^\n]*|/\*.*?\*/|'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.)*\"|\bt\(", re.DOTALL
    )
    for match in token.finditer(text, position):
        if match.group() != "t(":
            continue
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if text[end:].lstrip().startswith("::"):
            return match.start(), end
    raise AssertionError("the clause has a label t(...) in the text")
