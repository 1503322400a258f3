"""Sync calls whose waits can be ended."""
