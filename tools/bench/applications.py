"""The two applications that the benchmark compares: ours, and a bare ASGI application.

Both do the same work: they parse a request message and serialize a response message.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from connectrpc_server import RequestContext
from eliza.v1.eliza_connect_server import (
    ElizaService,
    ElizaServiceASGIApplication,
)
from eliza.v1.eliza_pb2 import SayRequest, SayResponse


class Eliza(ElizaService):
    """Returns the sentence of the request."""

    async def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        return SayResponse(sentence=request.sentence)


Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

ours = ElizaServiceASGIApplication(Eliza())


async def bare(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Parse and serialize the same messages, without any library for RPCs."""
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        event = await receive()
        body += event.get("body", b"")
        more = event.get("more_body", False)
    request = SayRequest.FromString(body)
    data = SayResponse(sentence=request.sentence).SerializeToString()
    headers = [
        (b"content-type", b"application/proto"),
        (b"content-length", str(len(data)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": data})
