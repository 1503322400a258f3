"""daphne: HTTP/1.1, and HTTP/2 over TLS, without trailers."""

from typing import Any

from daphne.server import Server

from server.applications import asgi
from server.order import HOST, Order


def serve(order: Order) -> None:
    where = f"port=0:interface={HOST}"
    if order.tls is None:
        endpoint = f"tcp:{where}"
    else:
        endpoint = f"ssl:{where}:certKey={order.tls.cert}:privateKey={order.tls.key}"

    class Announced(Server):
        def listen_success(self, port: Any) -> None:
            super().listen_success(port)
            order.announce(port.getHost().port)

    Announced(asgi, [endpoint], verbosity=0).run()
