"""What is asked of a grounding: the ground atoms that each query and each piece of evidence names.

query(path(1, X)).     names path(1, 2) and path(1, 3), once they are answers of its table
evidence(edge(1, 2))   names itself, whether it is ever true or not
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence

from neurosym.programs.clauses import Asked, Signature, unknown
from neurosym.programs.terms import Term, order_key, show, signature


class Asking:
    """Queries and evidence, with the atoms that they name.

    Attributes:
      named: the atoms of each, those of the queries first; grounding adds to them.
      warnings: of evidence that cannot be.
    """

    def __init__(
        self, queries: Sequence[Asked], evidence: Sequence[Asked], known: frozenset[Signature]
    ) -> None:
        """Raises `ProgramError` for a query of a predicate that is not known."""
        self._queries, self._evidence, self._known = queries, evidence, known
        self.named: list[dict[Term, None]] = [{} for _ in (*queries, *evidence)]
        self.warnings: list[str] = []
        for number, asked in enumerate((*queries, *evidence)):
            if signature(asked.atom) in known:
                continue
            if asked.value is None:
                raise unknown(asked.atom, known, asked.place)
            self.warnings.append(
                f"{asked.place}: the evidence {show(asked.atom)} is not defined in the program"
            )
            self.named[number][asked.atom] = None

    def known(self) -> Iterator[tuple[int, Asked]]:
        """Those of predicates that are known, with their numbers."""
        for number, asked in enumerate((*self._queries, *self._evidence)):
            if signature(asked.atom) in self._known:
                yield number, asked

    def queries(self, atoms: Mapping[Term, int]) -> Iterator[tuple[Term, int]]:
        """The atoms that are asked, each once, with their numbers; -1 of those that are false."""
        seen = set()
        for number, _ in enumerate(self._queries):
            for term in sorted(self.named[number], key=order_key):
                if term not in seen:
                    seen.add(term)
                    yield term, atoms.get(term, -1)

    def evidence(
        self, atoms: Mapping[Term, int], defined: Container[Signature]
    ) -> Iterator[tuple[Term, int, bool]]:
        """The atoms that were seen, with their numbers and what was seen of them."""
        for number, asked in enumerate(self._evidence, start=len(self._queries)):
            for term in self.named[number]:
                atom = atoms.get(term, -1)
                if atom < 0 and signature(term) in defined:
                    self.warnings.append(
                        f"{asked.place}: the evidence {show(term)} is not defined: no clause makes "
                        "it true"
                    )
                yield term, atom, bool(asked.value)
