"""`AllDifferent`: pruning by digests and Hall sets, sums over subsets."""
