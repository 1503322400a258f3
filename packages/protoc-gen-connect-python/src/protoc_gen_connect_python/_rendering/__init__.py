"""Turns the model into the text of Python modules: pages, templates and line breaks."""
