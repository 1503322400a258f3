"""daphne: HTTP/1.1, and HTTP/2 over TLS, without trailers."""

from typing import Any

from daphne.server import Server

from server.applications import asgi
from server.order import HOST, Order


def serve(order: Order) -> None:
    address = f"port=0:interface={HOST}"
    if order.tls is None:
        endpoint = f"tcp:{address}"
    else:
        endpoint = f"ssl:{address}:certKey={order.tls.cert}:privateKey={order.tls.key}"

    class AnnouncingServer(Server):
        def listen_success(self, port: Any) -> None:
            super().listen_success(port)
            order.announce(port.getHost().port)

    AnnouncingServer(asgi, [endpoint], verbosity=0).run()
