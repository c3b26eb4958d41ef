"""The computations in any semiring, from the inside out.

- `contraction`: two arrays of three axes, by real coordinates (`contraction_in_reals`) or by their
  terms (`contraction_by_terms`, which stands on `terms`).
- `einsum`: labelled axes brought into that form; `tensor_network`: many tensors, upwards to the
  total and downwards to every support.
- `multilinear`: functions made of ⊕ and ⊗ alone, read in whichever algebra is fast and exact;
  `convolution`: the values of a sum of two, as such a function.
"""
