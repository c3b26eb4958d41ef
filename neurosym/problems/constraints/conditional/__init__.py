"""`Implies` and `Reified`: constraints under a condition."""
