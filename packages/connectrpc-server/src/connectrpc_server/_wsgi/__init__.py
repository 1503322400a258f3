"""Services as WSGI applications. Each module has a counterpart in `connectrpc_server._asgi`."""
