"""Transports for tests: clients call ASGI and WSGI applications in this process, without a socket.

These transports behave like HTTP/2: both directions at once, at most one chunk of a body in flight
in each direction, and trailers. A call ends when the application has returned. An exception of the
application is raised to the client, as the cause of a `ConnectError` (`internal`).

The path of a call: a transport (`transports_*.py`) makes an `Exchange` (`exchange.py`). A host
(`asgi_host.py`, `wsgi_host.py`) runs the application on one side of it, and `client_side.py` is the
other side.
"""

from connectrpc_client.testing.transports_async import ASGITransport, WSGITransportAsync
from connectrpc_client.testing.transports_sync import ASGITransportSync, WSGITransport
from connectrpc_protocol.public_names import set_public_module as _set_public_module

__all__ = ["ASGITransport", "ASGITransportSync", "WSGITransport", "WSGITransportAsync"]

_set_public_module(__name__)
