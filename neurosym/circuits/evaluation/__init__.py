"""Reading a circuit: rows, their schedule, and passes over them in any semiring."""
