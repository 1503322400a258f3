"""Clients call applications in this process, without a socket: for tests.

They behave as over HTTP/2: both directions at once, one piece of a body under way in each, with
trailers. A call ends once the application has returned, and what the application raises is raised
to the client, as the cause of a `ConnectError` (`internal`).
"""

from connectrpc_client.testing.transports_async import ASGITransport, WSGITransportAsync
from connectrpc_client.testing.transports_sync import ASGITransportSync, WSGITransport

__all__ = ["ASGITransport", "ASGITransportSync", "WSGITransport", "WSGITransportAsync"]
