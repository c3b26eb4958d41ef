"""What is computed in any semiring: contractions, convolutions, multilinear functions."""
