"""Services as ASGI applications. Most modules have a counterpart in `connectrpc_server._wsgi`."""
