"""The servers under test: one ASGI and one WSGI application on several HTTP servers."""
