"""Services as WSGI applications. `connectrpc_server._asgi` has the same rooms for ASGI."""
