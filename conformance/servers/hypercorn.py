"""hypercorn: HTTP/1.1, HTTP/2 and HTTP/3."""

import asyncio
import socket

from app import asgi
from hypercorn.asyncio import serve as run
from hypercorn.config import Config

from servers import HOST, KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS, Order

_REQUESTS_PER_CONNECTION = 1_000_000


def serve(order: Order) -> None:
    config = Config()
    tcp = socket.create_server((HOST, 0))
    port = tcp.getsockname()[1]
    config.bind = [f"fd://{tcp.fileno()}"]
    config.loglevel = "WARNING"
    config.graceful_timeout = SHUTDOWN_SECONDS
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    # By default it ends a connection after 1,000 requests, and those on their way fail.
    config.keep_alive_max_requests = _REQUESTS_PER_CONNECTION
    if order.tls is not None:
        config.certfile, config.keyfile = order.tls.cert, order.tls.key
        config.ca_certs, config.verify_mode = order.tls.ca, order.cert_reqs
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if order.is_http3:
        udp.bind((HOST, port))
        config.quic_bind = [f"fd://{udp.fileno()}"]
    order.announce(port)  # connections wait until they are accepted
    asyncio.run(run(asgi, config))
