"""What grounding has made so far: atoms, rules and choices, each once.

0.4::inf(X) :- fr(X, Y).     fr(1, 2) and fr(1, 3) derive inf(1) by two rules with two choices,
                             since Y is a variable of the clause; the same body again is nothing
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from neurosym.programs.clauses import Clause
from neurosym.programs.folding import Fold, folded
from neurosym.programs.ground import NO_CHOICE, Choice, Rule
from neurosym.programs.labels import choice_of
from neurosym.programs.limits import Growth
from neurosym.programs.terms import Bindings, Term


class Gathered:
    """Atoms, rules and choices of a grounding.

    Attributes:
      atoms: with their numbers.
      certain: atoms that a rule without a body and choice derives.
      rules: as keys, in order.
      choices: of which the rules speak.
    """

    def __init__(self, growth: Growth) -> None:
        self._growth = growth
        self.atoms: dict[Term, int] = {}
        self.certain: set[int] = set()
        self.rules: dict[Rule, None] = {}
        self.choices: list[Choice] = []
        self._choices: dict[Hashable, int] = {}
        self._folds: dict[Hashable, Fold] = {}

    def atom(self, term: Term) -> int:
        """The number of an atom, which is made where it is new."""
        return self.atoms.setdefault(term, len(self.atoms))

    def derive(
        self, clause: Clause, value: int, head: Term, body: tuple[int, ...], bindings: Bindings
    ) -> int | None:
        """One more rule for an atom.

        Args:
          clause: that it comes from.
          value: which of its heads, or of its network's values.
          head: the atom.
          body: literals, sorted.
          bindings: of the clause's variables.

        Returns:
          The atom's number; None where this head never holds.
        """
        choice = NO_CHOICE
        if not clause.certain:
            choice = self._choice(clause, bindings)
            weight = self.choices[choice].probabilities[value]
            if not clause.learnable:  # what is learned may become anything
                if weight == 0:
                    return None
                if weight == 1:
                    choice = NO_CHOICE
        number = self.atom(head)
        if choice == NO_CHOICE and not body:
            self.certain.add(number)
        self._rule(Rule(number, body, choice, value if choice != NO_CHOICE else 0, clause.number))
        return number

    def fold(self, kind: str, items: Sequence[tuple[Term, int]]) -> Fold:
        """The values of a collection of answers; equal collections are one.

        Raises:
          EvaluationError: if the answers cannot be collected so.
        """
        key = (kind, tuple(items))
        if key not in self._folds:
            self._folds[key] = folded(kind, items, self._state_atom, self._state_rule)
        return self._folds[key]

    def _choice(self, clause: Clause, bindings: Bindings) -> int:
        key, made = choice_of(clause, bindings)
        if key not in self._choices:
            self._choices[key] = len(self.choices)
            self.choices.append(made())
        return self._choices[key]

    def _rule(self, rule: Rule) -> None:
        if rule not in self.rules:
            self.rules[rule] = None
            self._growth.count(None)

    def _state_atom(self, layer: int, number: int) -> int:
        return self.atom(("$state", len(self._folds), layer, number))

    def _state_rule(self, head: int, body: Sequence[int]) -> None:
        self._rule(Rule(head, tuple(sorted(set(body))), NO_CHOICE, 0, -1))
