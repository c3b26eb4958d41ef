"""Models and formats of other tools become problems and formulas here."""
