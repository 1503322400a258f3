"""Interceptors: their types, and their composition into one chain."""
