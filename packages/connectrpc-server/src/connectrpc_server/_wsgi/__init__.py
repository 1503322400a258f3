"""Services as WSGI applications."""
