"""Clients of different makes behind one face, so that a behaviour is tested in one place.

The face is sync, also where a client is async: its event loop runs in a thread of its own.
"""
