"""Serves one service over WSGI, for tests: `python on_wsgi.py gunicorn` or `pyvoy`.

It prints the port that it listens on, and ends when its standard input ends.
"""

import asyncio
import sys
import threading

from google.protobuf.wrappers_pb2 import StringValue
from live_service import announce, method

from connectrpc_server import ConnectError, HandlerSync, MethodKind, WSGIApplication

STEP_TIMEOUT = 60  # seconds; the slowest machine needs less for one step


class Log:
    """A log that an interceptor and the service write."""

    def __init__(self):
        self.entries = []
        self.changed = threading.Condition()

    def add(self, entry):
        with self.changed:
            self.entries.append(entry)
            self.changed.notify_all()

    def wait_for(self, entry):
        with self.changed:
            self.changed.wait_for(lambda: entry in self.entries, STEP_TIMEOUT)
            return ", ".join(self.entries)

    def on_start_sync(self, ctx):
        return ctx.method.name

    def on_end_sync(self, token, ctx, error):
        code = error.code.value if isinstance(error, ConnectError) else error
        self.add(f"{token} ended: {code}")


LOG = Log()


class Application(WSGIApplication):
    service_name = "test.v1.Live"

    def handlers(self, service):
        return (
            HandlerSync.unary(method("WaitFor", MethodKind.UNARY), service.wait_for),
            HandlerSync.unary(method("Echo", MethodKind.UNARY), service.echo),
            HandlerSync.server_stream(method("Flood", MethodKind.SERVER_STREAM), service.flood),
            HandlerSync.bidi_stream(method("Converse", MethodKind.BIDI_STREAM), service.converse),
        )


class Service:
    def wait_for(self, request, ctx):
        return StringValue(value=LOG.wait_for(request.value))

    def echo(self, request, ctx):
        return request

    def flood(self, request, ctx):
        try:
            while True:
                yield StringValue(value="x" * 10_000)
        finally:
            LOG.add("flood closed")

    def converse(self, requests, ctx):
        try:
            for request in requests:
                if request.value == "stop":
                    break
                yield request
        finally:
            LOG.add("converse closed")


app = Application(Service(), interceptors=[LOG])


def gunicorn():
    import os
    import signal

    from gunicorn.app.base import BaseApplication

    settings = {
        "bind": "127.0.0.1:0",
        "worker_class": "gthread",
        "threads": 8,
        "control_socket_disable": True,
        "graceful_timeout": 1,
        "when_ready": lambda arbiter: announce(arbiter.LISTENERS[0].getsockname()[1]),
    }

    class Server(BaseApplication):
        def load_config(self):
            for name, value in settings.items():
                self.cfg.set(name, value)

        def load(self):
            return app

    def end():
        sys.stdin.read()
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=end, daemon=True).start()
    Server().run()


def pyvoy():
    from pyvoy import PyvoyServer

    async def serve():
        async with PyvoyServer("on_wsgi:app", interface="wsgi", stderr=None) as server:
            announce(server.listener_port)
            await asyncio.to_thread(sys.stdin.read)

    asyncio.run(serve())


if __name__ == "__main__":
    {"gunicorn": gunicorn, "pyvoy": pyvoy}[sys.argv[1]]()
