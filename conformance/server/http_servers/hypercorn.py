"""Hypercorn: HTTP/1.1, HTTP/2 and HTTP/3.

After one client cancels a call over HTTP/3, or ends its request later than the server ends the
response, Hypercorn stops serving HTTP/3 to all clients; see `upstream/hypercorn_http3.py`.
"""

import asyncio
import socket
from typing import Any

from hypercorn.asyncio import serve as run
from hypercorn.config import Config

from server.applications import asgi
from server.order import HOST, KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS, Order

_REQUESTS_PER_CONNECTION = 1_000_000


def serve(order: Order) -> None:
    config = Config()
    listener = socket.create_server((HOST, 0))
    port: int = listener.getsockname()[1]
    config.bind = [f"fd://{listener.fileno()}"]
    if order.is_http3:
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.bind((HOST, port))
        config.quic_bind = [f"fd://{datagrams.fileno()}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = SHUTDOWN_SECONDS
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    # By default Hypercorn closes a connection after 1,000 requests; requests in flight on it fail.
    config.keep_alive_max_requests = _REQUESTS_PER_CONNECTION
    if order.tls is not None:
        config.certfile, config.keyfile = order.tls.cert, order.tls.key
        config.ca_certs, config.verify_mode = order.tls.ca, order.cert_reqs
    order.announce(port)  # the sockets listen already; connections wait until they are accepted
    app: Any = asgi  # Hypercorn's ASGI types are narrower than the specification
    asyncio.run(run(app, config))
