"""The parts of WSGI (PEP 3333) that are used here."""

from wsgiref.types import StartResponse
from wsgiref.types import WSGIApplication as WSGIApp
from wsgiref.types import WSGIEnvironment as Environ

__all__ = ["Environ", "StartResponse", "WSGIApp"]
