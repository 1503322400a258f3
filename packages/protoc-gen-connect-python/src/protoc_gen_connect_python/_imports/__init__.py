"""Decides what a generated module imports, and under which name."""
