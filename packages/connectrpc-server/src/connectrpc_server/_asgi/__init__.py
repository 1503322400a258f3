"""Services as ASGI applications."""
