"""Semirings and provenances as values, their elements, and the one gradient rule."""
