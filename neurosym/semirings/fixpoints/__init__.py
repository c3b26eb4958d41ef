"""Least fixpoints and closures in any semiring, with their derivatives.

- `fixpoint`: a step repeated until nothing changes. Its derivative is `implicit` (the implicit
  function theorem, where ⊕ adds up; belief propagation uses it too) or `derivation` (an acyclic
  derivation of every entry, where ⊕ selects).
- `closure`: the Kleene star of a matrix, by the algorithm that the semiring's algebra allows:
  `closure_boolean`, `closure_selective`, `closure_real`, `closure_elimination`.
"""
