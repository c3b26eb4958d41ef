"""`Regular`: words that an automaton accepts."""
