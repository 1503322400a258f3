"""Services as ASGI applications. `connectrpc_server._wsgi` has the same rooms for WSGI."""
