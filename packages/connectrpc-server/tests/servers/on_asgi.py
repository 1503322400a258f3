"""Serves one service over ASGI, for tests: `python on_asgi.py SERVER`.

SERVER is `h11`, `httptools` or `zttp` (uvicorn), `hypercorn` or `pyvoy`.

It prints the port that it listens on, and ends when its standard input ends.
"""

import asyncio
import gc
import sys
import threading
from contextlib import suppress

from google.protobuf.wrappers_pb2 import StringValue
from live_service import announce, method

from connectrpc_server import (
    ASGIApplication,
    Code,
    ConnectError,
    Handler,
    MethodKind,
    RequestContext,
)


def calls_in_memory():
    """Return how many calls still have a context in memory."""
    gc.collect()
    return sum(type(each) is RequestContext for each in gc.get_objects())


class Log:
    """A log that an interceptor and the service write."""

    def __init__(self):
        self.entries = []
        self.changed = asyncio.Condition()

    async def add(self, entry):
        async with self.changed:
            self.entries.append(entry)
            self.changed.notify_all()

    async def wait_for(self, entry):
        async with self.changed:
            await self.changed.wait_for(lambda: entry in self.entries)

    async def on_start(self, ctx):
        return ctx.method.name

    async def on_end(self, token, ctx, error):
        code = error.code.value if isinstance(error, ConnectError) else error
        await self.add(f"{token} ended: {code}")


class Service:
    def __init__(self, log):
        self.log = log
        self.streams = 0

    async def wait_for(self, request, ctx):
        await self.log.wait_for(request.value)
        return request

    async def echo(self, request, ctx):
        return request

    async def pause(self, request, ctx):
        await asyncio.sleep(0)
        return request

    async def hang(self, request, ctx):
        await self.log.add("hang began")
        await asyncio.Event().wait()

    async def converse(self, requests, ctx):
        async for request in requests:
            if request.value == "refuse":
                raise ConnectError(Code.ABORTED, "as asked")
            if request.value == "timed read":
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await anext(requests)
            yield request
            if request.value == "hang":
                await self.log.add("converse hangs")
                await asyncio.Event().wait()

    async def settle(self, request, ctx):
        """Wait until no stream, at most this number of tasks, and no other call are left.

        Returns the number of tasks.
        """
        while (
            self.streams or len(asyncio.all_tasks()) > int(request.value) or calls_in_memory() > 1
        ):
            await asyncio.sleep(0.01)
        return StringValue(value=str(len(asyncio.all_tasks())))

    async def hold(self, requests, ctx):
        self.streams += 1
        try:
            async for request in requests:
                yield request
                while request.value == "flood":
                    yield StringValue(value="x" * 10_000)
                if request.value == "hang":
                    await asyncio.Event().wait()
        finally:
            self.streams -= 1

    async def flood(self, request, ctx):
        while True:
            yield StringValue(value="x" * 10_000)


class Application(ASGIApplication):
    service_name = "test.v1.Live"

    def handlers(self, service):
        return (
            Handler.unary(method("WaitFor", MethodKind.UNARY), service.wait_for),
            Handler.unary(method("Echo", MethodKind.UNARY), service.echo),
            Handler.unary(method("Pause", MethodKind.UNARY), service.pause),
            Handler.unary(method("Hang", MethodKind.UNARY), service.hang),
            Handler.unary(method("Settle", MethodKind.UNARY), service.settle),
            Handler.bidi_stream(method("Hold", MethodKind.BIDI_STREAM), service.hold),
            Handler.server_stream(method("Flood", MethodKind.SERVER_STREAM), service.flood),
            Handler.bidi_stream(method("Converse", MethodKind.BIDI_STREAM), service.converse),
        )


def application():
    log = Log()
    return Application(Service(log), interceptors=[log], read_max_bytes=1_000_000)


def uvicorn(http):
    from uvicorn import Config, Server

    class Announcing(Server):
        async def startup(self, sockets=None):
            await super().startup(sockets)
            announce(self.servers[0].sockets[0].getsockname()[1])

    def end():
        sys.stdin.read()
        server.should_exit = True

    config = Config(
        app,
        host="127.0.0.1",
        port=0,
        http=http,
        http2=http == "zttp",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = Announcing(config)
    threading.Thread(target=end, daemon=True).start()
    server.run()


def hypercorn():
    import socket

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    async def run():
        config = Config()
        listener = socket.create_server(("127.0.0.1", 0))
        config.bind = [f"fd://{listener.fileno()}"]
        config.loglevel = "WARNING"
        config.graceful_timeout = 1
        announce(listener.getsockname()[1])

        async def end():
            await asyncio.to_thread(sys.stdin.read)

        await serve(app, config, shutdown_trigger=end)

    asyncio.run(run())


def pyvoy():
    from pyvoy import PyvoyServer

    async def serve():
        async with PyvoyServer("on_asgi:app", stderr=None) as server:
            announce(server.listener_port)
            await asyncio.to_thread(sys.stdin.read)

    asyncio.run(serve())


app = application()

if __name__ == "__main__":
    name = sys.argv[1]
    if name in ("h11", "httptools", "zttp"):
        uvicorn(name)
    else:
        {"hypercorn": hypercorn, "pyvoy": pyvoy}[name]()
