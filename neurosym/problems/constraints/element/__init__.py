"""`Element`: the declaration, and the relation of arrays with variables among their entries."""
