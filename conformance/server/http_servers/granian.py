"""granian: HTTP/1.1 and HTTP/2, without trailers."""

import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from server.order import HOST, Order

_POLL_SECONDS = 0.02


def serve(order: Order) -> None:
    tls = order.tls
    port = _free_port()
    server = Server(
        "server.applications:asgi",
        address=HOST,
        port=port,
        interface=Interfaces.ASGI,
        websockets=False,
        log_level=LogLevels.warn,
        ssl_cert=Path(tls.cert) if tls else None,
        ssl_key=Path(tls.key) if tls else None,
        ssl_ca=Path(tls.ca) if tls and tls.ca else None,
        ssl_client_verify=bool(tls and tls.ca),
    )
    threading.Thread(target=_announce, args=(order, port), daemon=True).start()
    server.serve()


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as free:
        port: int = free.getsockname()[1]
    return port


def _announce(order: Order, port: int) -> None:
    """Announce the port once it accepts connections.

    granian does not report when it listens; its log lines come earlier.
    """
    while True:
        with suppress(OSError), socket.create_connection((HOST, port)):
            break
        time.sleep(_POLL_SECONDS)
    order.announce(port)
