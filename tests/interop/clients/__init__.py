"""Clients of two libraries, async and sync, with one interface, so that all run the same tests.

The interface is sync. An async client runs an event loop in a thread of its own.
"""
