"""Constraints that modellers share, made of simpler ones: scheduling, circuits, orders, counts."""
