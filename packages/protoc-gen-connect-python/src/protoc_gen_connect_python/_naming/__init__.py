"""Decides names: of Python classes, methods and constants, and of the generated files."""
