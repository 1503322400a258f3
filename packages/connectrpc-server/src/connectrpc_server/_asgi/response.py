"""Sending responses over ASGI: a whole response, and a stream of messages."""

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.call import StreamServerCall
from connectrpc_protocol.http import NOT_FOUND, HttpResponse
from connectrpc_protocol.server import refuse_unknown_method
from connectrpc_server._asgi.cancel_scope import CancelScope, shielded
from connectrpc_server._asgi.request import AsgiRequest
from connectrpc_server._asgi.server_quirks import deliver_empty_body
from connectrpc_server._asgi.stepping import checkpoint
from connectrpc_server._asgi.types import Event, Receive, Scope, Send
from connectrpc_server._errors import ClientDisconnected
from connectrpc_server._limits import CHECKPOINT_BYTES, MESSAGE_OVERHEAD_BYTES, STREAM_DRAIN_PAUSE

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


async def respond(response: HttpResponse, request: AsgiRequest) -> None:
    """Drain the request and send a whole response."""
    if not request.has_ended:
        await request.drain()
    if response.trailers is not None and not request.has_trailers:
        response = response.without_trailers()
    await send_response(response, request.send)


async def respond_not_found(scope: Scope, receive: Receive, send: Send) -> None:
    """Respond to a request whose path leads to no method."""
    if scope.get("http_version") == "2":
        receive = deliver_empty_body(scope, receive)
    refusal = refuse_unknown_method(scope["method"], scope["headers"], scope["path"])
    request = AsgiRequest(scope, receive, send, STREAM_DRAIN_PAUSE)
    await request.write_end(respond(refusal or NOT_FOUND, request))


async def send_response(response: HttpResponse, send: Send) -> None:
    """Send a whole response. If it has trailers, the server must be able to send them.

    If the client has disconnected, a server may raise `OSError` (ASGI, "Disconnected Client"),
    which is ignored.
    """
    trailers = response.trailers
    start: Event = {
        "type": "http.response.start",
        "status": response.status,
        "headers": response.headers,
        "trailers": trailers is not None,
    }
    try:
        await send(start)
        await send({"type": "http.response.body", "body": response.body})
        if trailers is not None:
            await send({"type": "http.response.trailers", "headers": trailers})
    except OSError:
        pass


class StreamResponse(Generic[Req, Res]):
    """Sends the messages of a call and their end. The head is sent before the first of them."""

    __slots__ = ("_call", "_has_started", "_request")

    def __init__(self, call: StreamServerCall[Req, Res], request: AsgiRequest) -> None:
        self._call = call
        self._request = request
        self._has_started = False

    async def send_all(self, messages: AsyncIterator[Res], cancel_scope: CancelScope) -> None:
        """Send each message as soon as the handler yields it.

        Raises `ClientDisconnected` if the client disconnected, the reason of `cancel_scope` once it
        was cancelled, and any exception of `messages` or of the codec.
        """
        encode, send = self._call.message, self._request.send
        work = 0
        async for message in messages:
            if cancel_scope.reason is not None:
                raise cancel_scope.reason  # the handler suppressed its cancellation
            data = encode(message)
            try:
                if not self._has_started:
                    await self._send_head()
                await shielded(
                    send({"type": "http.response.body", "body": data, "more_body": True})
                )
            except OSError:
                # A server may report a disconnect in this way (ASGI, "Disconnected Client").
                raise ClientDisconnected from None
            work += MESSAGE_OVERHEAD_BYTES + len(data)
            if work >= CHECKPOINT_BYTES:
                # A handler and a server that never suspend would not let any other task run.
                work = 0
                await checkpoint()

    async def end(self, error: Exception | None) -> None:
        """Drain the request and send the end. Does nothing if the client has disconnected."""
        if error is not None and not self._has_started:
            await respond(self._call.failure(error), self._request)
            return
        await self._request.drain()
        send = self._request.send
        data, trailers = self._call.end(error)
        with suppress(OSError):
            if not self._has_started:
                await self._send_head()
            await send({"type": "http.response.body", "body": data})
            if trailers is not None:
                await send({"type": "http.response.trailers", "headers": trailers})

    async def _send_head(self) -> None:
        self._has_started = True
        head = self._call.head()
        start: Event = {
            "type": "http.response.start",
            "status": head.status,
            "headers": head.headers,
            "trailers": head.has_trailers,
        }
        await shielded(self._request.send(start))
