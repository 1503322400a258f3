"""The servers under test: `server.py NAME`, with what to serve on standard input."""

import ssl
import sys
from collections.abc import Callable
from functools import partial

from _stdio import read_messages, write_message
from _tls import ServerFiles, server_files
from connectrpc.conformance.v1.server_compat_pb2 import ServerCompatRequest, ServerCompatResponse
from connectrpc.conformance.v1.service_connect_server import (
    ConformanceServiceASGIApplication,
    ConformanceServiceWSGIApplication,
)
from service import Service, ServiceSync

HOST = "127.0.0.1"

# Above any pause of the runner's client: a server that ends a connection in the moment in which a
# client uses it again is a fact of HTTP/1.1, not of what is tested here.
_KEEP_ALIVE_SECONDS = 120
_SHUTDOWN_SECONDS = 1
_THREADS = 16


def main() -> None:
    """Serve until SIGTERM."""
    serve = _SERVERS[sys.argv[1]]
    request = next(read_messages(ServerCompatRequest))
    serve(request, server_files(request))


def serve_uvicorn(request: ServerCompatRequest, tls: ServerFiles | None, *, http: str) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: object = None) -> None:
            await super().startup()
            _announce(request, self.servers[0].sockets[0].getsockname()[1])

    app = ConformanceServiceASGIApplication(
        Service(), read_max_bytes=request.message_receive_limit or None, compress_min_bytes=0
    )
    config = uvicorn.Config(
        app,
        host=HOST,
        port=0,
        http=http,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        ssl_certfile=tls.cert if tls else None,
        ssl_keyfile=tls.key if tls else None,
        ssl_ca_certs=tls.ca if tls else None,
        ssl_cert_reqs=_cert_reqs(tls),
    )
    Server(config).run()


def serve_gunicorn(request: ServerCompatRequest, tls: ServerFiles | None) -> None:
    from gunicorn.app.base import BaseApplication

    app = ConformanceServiceWSGIApplication(
        ServiceSync(), read_max_bytes=request.message_receive_limit or None, compress_min_bytes=0
    )
    settings = {
        "bind": f"{HOST}:0",
        "worker_class": "gthread",
        "workers": 1,
        "threads": _THREADS,
        "keepalive": _KEEP_ALIVE_SECONDS,
        "graceful_timeout": _SHUTDOWN_SECONDS,
        "loglevel": "warning",
        "control_socket_disable": True,
        "when_ready": lambda arbiter: _announce(request, arbiter.LISTENERS[0].getsockname()[1]),
    }
    if tls is not None:
        settings |= {"certfile": tls.cert, "keyfile": tls.key, "cert_reqs": _cert_reqs(tls)}
        if tls.ca is not None:
            settings["ca_certs"] = tls.ca

    class Application(BaseApplication):
        def load_config(self) -> None:
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self) -> ConformanceServiceWSGIApplication:
            return app

    Application().run()


def _cert_reqs(tls: ServerFiles | None) -> int:
    return ssl.CERT_REQUIRED if tls is not None and tls.ca is not None else ssl.CERT_NONE


def _announce(request: ServerCompatRequest, port: int) -> None:
    """Tell the runner that the server listens."""
    cert = request.server_creds.cert if request.use_tls else b""
    write_message(ServerCompatResponse(host=HOST, port=port, pem_cert=cert))


_SERVERS: dict[str, Callable[[ServerCompatRequest, ServerFiles | None], None]] = {
    "uvicorn-httptools": partial(serve_uvicorn, http="httptools"),
    "uvicorn-h11": partial(serve_uvicorn, http="h11"),
    "gunicorn-gthread": serve_gunicorn,
}


if __name__ == "__main__":
    main()
