"""Answers over ASGI: whole, and message by message."""

from contextlib import suppress
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import StreamServerCall
from connectrpc_protocol.http import HttpResponse
from connectrpc_server._asgi_body import STREAM_PAUSE, Body
from connectrpc_server._disconnect import ClientDisconnected
from connectrpc_server._types import Receive, Scope, Send

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


async def respond(response: HttpResponse, scope: Scope, send: Send) -> None:
    """Send a whole answer, unless the client is gone (ASGI, "Disconnected Client")."""
    trailers = response.trailers
    if trailers is not None and not has_trailers(scope):
        response = response.without_trailers()
        trailers = response.trailers
    try:
        await send(
            {
                "type": "http.response.start",
                "status": response.status,
                "headers": response.headers,
                "trailers": trailers is not None,
            }
        )
        await send({"type": "http.response.body", "body": response.body})
        if trailers is not None:
            await send({"type": "http.response.trailers", "headers": trailers})
    except OSError:
        pass


async def respond_after(body: Body, response: HttpResponse, scope: Scope, send: Send) -> None:
    """Send a whole answer to a request that may not have been read to its end."""
    await body.drain()
    await respond(response, scope, send)


async def refuse(
    response: HttpResponse,
    scope: Scope,
    receive: Receive,
    send: Send,
    pause: float = STREAM_PAUSE,
) -> None:
    """Answer a request that nobody has read."""
    await respond_after(Body(scope, receive, pause), response, scope, send)


class StreamAnswer(Generic[Req, Res]):
    """Sends the head once, before what comes first."""

    __slots__ = ("_body", "_call", "_scope", "_send", "_started")

    def __init__(
        self, call: StreamServerCall[Req, Res], scope: Scope, send: Send, body: Body
    ) -> None:
        self._call = call
        self._scope = scope
        self._send = send
        self._body = body
        self._started = False

    async def message(self, message: Res) -> None:
        """Send a message. Raises `ClientDisconnected`, and what encoding it raises."""
        data = self._call.message(message)
        try:
            await self._head()
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except OSError:
            # How servers may say that the client is gone (ASGI, "Disconnected Client").
            raise ClientDisconnected from None

    async def end(self, error: Exception | None) -> None:
        """Send the end, unless the client is gone."""
        await self._body.drain()
        if error is not None and not self._started:
            await respond(self._call.failure(error), self._scope, self._send)
            return
        data, trailers = self._call.end(error)
        with suppress(OSError):
            await self._head()
            await self._send({"type": "http.response.body", "body": data})
            if trailers is not None:
                await self._send({"type": "http.response.trailers", "headers": trailers})

    async def _head(self) -> None:
        if not self._started:
            self._started = True
            head = self._call.head()
            await self._send(
                {
                    "type": "http.response.start",
                    "status": head.status,
                    "headers": head.headers,
                    "trailers": head.has_trailers,
                }
            )


def has_trailers(scope: Scope) -> bool:
    """Whether the server sends HTTP trailers (ASGI, "HTTP Trailers")."""
    return "http.response.trailers" in (scope.get("extensions") or ())
