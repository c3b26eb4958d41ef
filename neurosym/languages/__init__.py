"""What other people's models and formats become: problems and formulas."""
