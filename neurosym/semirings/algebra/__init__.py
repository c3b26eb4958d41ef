"""Semirings and provenances as values.

- `semiring`: what a semiring states, and what it can do; `elements`: its elements as pytrees.
- `rule`: the one gradient rule, which turns the two stated derivatives into those of JAX.
- `instances`, `moments`, `k_best`, `provenance`: the values that come with the library.
- `names`: what configs call them; `pickling`: how they come back as the same objects.
"""
