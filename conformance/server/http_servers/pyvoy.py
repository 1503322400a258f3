"""pyvoy, which embeds Python in Envoy: HTTP/1.1, HTTP/2 and HTTP/3, for `asgi` and `wsgi`."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Literal

from pyvoy import PyvoyServer

from server.order import HOST, Order


def serve(order: Order, interface: Literal["asgi", "wsgi"]) -> None:
    asyncio.run(_serve(order, interface))


async def _serve(order: Order, interface: Literal["asgi", "wsgi"]) -> None:
    tls = order.tls
    server = PyvoyServer(
        f"server.applications:{interface}",
        interface=interface,
        address=HOST,
        tls_cert=Path(tls.cert) if tls else None,
        tls_key=Path(tls.key) if tls else None,
        tls_ca_cert=Path(tls.ca) if tls and tls.ca else None,
        tls_enable_http3=order.is_http3,
        lifespan=False,
        stdout=sys.stderr.buffer,
        stderr=sys.stderr.buffer,
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with server:
        order.announce(server.listener_port_quic or server.listener_port)
        await stop.wait()
