"""Answers over ASGI: whole, and message by message."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import StreamServerCall
from connectrpc_protocol.http import HttpResponse
from connectrpc_server._asgi.cancel_scope import CallScope, checkpoint
from connectrpc_server._asgi.request import STREAM_PAUSE, Body
from connectrpc_server._asgi.server_quirks import has_trailers
from connectrpc_server._asgi.types import Receive, Scope, Send
from connectrpc_server._errors import ClientDisconnected

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

# In bytes: a message costs time for what it holds, and as much as so many for being one.
_WORK_OF_A_MESSAGE = 1024
_WORK_BETWEEN_CHECKPOINTS = 64 * 1024


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
    """Sends the messages of a call and its end; the head goes before what comes first."""

    __slots__ = ("_body", "_call", "_scope", "_send", "_started")

    def __init__(
        self, call: StreamServerCall[Req, Res], scope: Scope, send: Send, body: Body
    ) -> None:
        self._call = call
        self._scope = scope
        self._send = send
        self._body = body
        self._started = False

    async def messages(self, responses: AsyncIterator[Res], scope: CallScope) -> None:
        """Send messages as they come.

        Raises `ClientDisconnected`, why `scope` ended, and what making or encoding one raises.
        """
        encode, send = self._call.message, self._send
        work = 0
        async for message in responses:
            if scope.reason is not None:
                raise scope.reason  # for a handler that let its cancellation pass
            data = encode(message)
            try:
                if not self._started:
                    await self._head()
                await send({"type": "http.response.body", "body": data, "more_body": True})
            except OSError:
                # How servers may say that the client is gone (ASGI, "Disconnected Client").
                raise ClientDisconnected from None
            work += _WORK_OF_A_MESSAGE + len(data)
            if work >= _WORK_BETWEEN_CHECKPOINTS:
                # A handler and a server that never suspend would starve every other task.
                work = 0
                await checkpoint()

    async def end(self, error: Exception | None) -> None:
        """Send the end, unless the client is gone."""
        await self._body.drain()
        if error is not None and not self._started:
            await respond(self._call.failure(error), self._scope, self._send)
            return
        data, trailers = self._call.end(error)
        with suppress(OSError):
            if not self._started:
                await self._head()
            await self._send({"type": "http.response.body", "body": data})
            if trailers is not None:
                await self._send({"type": "http.response.trailers", "headers": trailers})

    async def _head(self) -> None:
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
