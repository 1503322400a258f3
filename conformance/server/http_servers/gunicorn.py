"""gunicorn with worker threads: HTTP/1.1."""

from gunicorn.app.base import BaseApplication

from server.order import HOST, KEEP_ALIVE_SECONDS, SHUTDOWN_SECONDS, Order

_THREADS = 16


def serve(order: Order) -> None:
    settings = {
        "bind": f"{HOST}:0",
        "worker_class": "gthread",
        "workers": 1,
        "threads": _THREADS,
        "keepalive": KEEP_ALIVE_SECONDS,
        "graceful_timeout": SHUTDOWN_SECONDS,
        "loglevel": "warning",
        "control_socket_disable": True,
        "when_ready": lambda arbiter: order.announce(arbiter.LISTENERS[0].getsockname()[1]),
    }
    if order.tls is not None:
        settings |= {
            "certfile": order.tls.cert,
            "keyfile": order.tls.key,
            "cert_reqs": order.cert_reqs,
        }
        if order.tls.ca is not None:
            settings["ca_certs"] = order.tls.ca

    class Application(BaseApplication):
        def load_config(self) -> None:
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self) -> object:
            from server.applications import wsgi

            return wsgi

    Application().run()
