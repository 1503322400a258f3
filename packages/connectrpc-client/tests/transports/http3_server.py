"""Serves an echo over HTTP/2 and HTTP/3, for tests: `python http3_server.py KEY CERTIFICATE`.

It prints the ports on which it listens with TCP and with QUIC, and ends with its standard input.
"""

import asyncio
import sys
from pathlib import Path

from google.protobuf.wrappers_pb2 import StringValue
from pyvoy import PyvoyServer

from connectrpc_server import ASGIApplication, Handler, Method, MethodKind

WAIT = "wait"  # a stream with this request waits after its first response, until it is cancelled
LEFT = "left?"  # a call with this request returns once such a stream was cancelled


def method(name, kind):
    return Method(
        service="test.v1.Echo", name=name, kind=kind, request=StringValue, response=StringValue
    )


class Service:
    def __init__(self):
        self.left = asyncio.Event()

    async def unary(self, request, ctx):
        if request.value == LEFT:
            await self.left.wait()
            self.left.clear()
        return request

    async def client(self, requests, ctx):
        return StringValue(value="".join([request.value async for request in requests]))

    async def server(self, request, ctx):
        yield request
        if request.value == WAIT:
            try:
                await asyncio.Event().wait()
            finally:
                self.left.set()
        yield request

    async def bidi(self, requests, ctx):
        async for request in requests:
            yield request


class Application(ASGIApplication):
    service_name = "test.v1.Echo"

    def handlers(self, service):
        return (
            Handler.unary(method("Unary", MethodKind.UNARY), service.unary),
            Handler.client_stream(method("Client", MethodKind.CLIENT_STREAM), service.client),
            Handler.server_stream(method("Server", MethodKind.SERVER_STREAM), service.server),
            Handler.bidi_stream(method("Bidi", MethodKind.BIDI_STREAM), service.bidi),
        )


app = Application(Service())


async def main(key, certificate):
    async with PyvoyServer(
        "http3_server:app", tls_key=Path(key), tls_cert=Path(certificate), stderr=None
    ) as server:
        print(f"listening on {server.listener_port} {server.listener_port_quic}", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
