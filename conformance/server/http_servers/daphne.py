"""daphne: HTTP/1.1, and HTTP/2 over TLS, without trailers."""

import sys
from typing import Any

from daphne.server import Server
from twisted.logger import LogLevel, eventAsText, globalLogPublisher

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

        def protocol_disconnected(self, protocol: Any) -> None:
            # Otherwise a cancelled request sometimes raises a `KeyError` in Twisted, and all calls
            # on its connection hang; see `upstream/daphne_http2_cancel.py`.
            if protocol in self.connections:
                super().protocol_disconnected(protocol)

    # daphne discards the log of Twisted, which has the errors in callbacks.
    publisher: Any = globalLogPublisher
    publisher.addObserver(_print_error)
    AnnouncingServer(asgi, [endpoint], verbosity=0).run()


def _print_error(event: Any) -> None:
    if event["log_level"] in (LogLevel.error, LogLevel.critical):
        print(eventAsText(event), file=sys.stderr, flush=True)
