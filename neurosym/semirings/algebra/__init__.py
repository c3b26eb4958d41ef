"""Semirings and provenances as values.

- `semiring`: what a semiring states and can do; `elements`: its elements as pytrees.
- `rule`: the one gradient rule, which turns the two stated derivatives into derivatives of JAX.
- `instances`, `moments`, `k_best`, `provenance`: the values that come with the library.
- `names`: the names that configs use; `pickling`: how they come back as the same objects.
"""
