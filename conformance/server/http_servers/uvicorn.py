"""uvicorn with one of its parsers: `httptools`, `h11` or `zttp`. Only zttp speaks HTTP/2."""

import uvicorn

from server.order import HOST, KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS, Order


def serve(order: Order, parser: str) -> None:
    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            order.announce(self.servers[0].sockets[0].getsockname()[1])

    tls = order.tls
    config = uvicorn.Config(
        "server.applications:asgi",
        host=HOST,
        port=0,
        http=parser,
        http2=parser == "zttp",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        ssl_certfile=tls.cert if tls else None,
        ssl_keyfile=tls.key if tls else None,
        ssl_ca_certs=tls.ca if tls else None,
        ssl_cert_reqs=order.cert_reqs,
    )
    Server(config).run()
