"""What we teach JAX, once; the ground floor, which imports none of the other rooms.

- `any_in_batch`: a decision for a whole batch, so that a branch on it stays a branch.
- `batch_last`: differentiable functions that see every batch as the last axis.
- `one_program`: loops and searches that see every batch at once; nothing flows back through them.
- `linear_map`: tangents that bring their own transpose.
- `loops`: loops over wide arrays, which stay loops.
- `compatibility`: what of JAX may change, in one file.
- `take`: gathers whose index is known to be in bounds.
- `conversion`: Python's and NumPy's numbers as JAX arrays that hold the same numbers.
"""
