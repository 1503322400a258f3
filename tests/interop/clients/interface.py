"""The interface of all clients, and the types that it uses."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

STEP_SECONDS = 60
"""The time limit of one step, long enough for a slow machine under load."""

Metadata = Sequence[tuple[str, str | bytes]]
Received = Mapping[str, list[str | bytes]]


@dataclass
class Response:
    """The response of a call that succeeded."""

    messages: list[Message]
    headers: Received
    trailers: Received

    @property
    def message(self) -> Message:
        (message,) = self.messages
        return message


@dataclass
class CallError(Exception):
    """The error of a call. `code` is in lower case, such as `not_found`."""

    code: str
    message: str = ""
    details: list[Any] = field(default_factory=list)
    trailers: Received = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


class PendingCall(Protocol):
    """A unary call in flight."""

    def cancel(self) -> str:
        """Cancel the call and return the code of its error."""
        ...


class OpenStream(Protocol):
    """A stream in flight."""

    def send(self, message: Message) -> None: ...

    def half_close(self) -> None:
        """End the stream of requests."""
        ...

    def receive(self) -> Message | None:
        """Return the next message; `None` after the last."""
        ...

    def cancel(self) -> None: ...


class InteropClient(Protocol):
    """A client of one server. `service` selects another service than `InteropService`."""

    def unary(
        self,
        rpc: str,
        request: Message,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,
        service: str = "InteropService",
    ) -> Response: ...

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Response: ...

    def server_stream(
        self,
        rpc: str,
        request: Message,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,
    ) -> Response: ...

    def unary_concurrently(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        """Make unary calls at the same time; return the responses in order."""
        ...

    def start_unary(self, rpc: str, request: Message) -> PendingCall: ...

    def start_server_stream(self, rpc: str, request: Message) -> OpenStream: ...

    def open_bidi_stream(self, rpc: str) -> OpenStream: ...

    def close(self) -> None: ...


def by_name(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, list[str | bytes]]:
    """Return all values of each name, in order."""
    found: dict[str, list[str | bytes]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def collected(messages: Iterator[Message]) -> list[Message]:
    """Return all messages; if the stream fails, the error carries those received before."""
    received: list[Message] = []
    try:
        received.extend(messages)
    except CallError as error:
        error.messages = received
        raise
    return received
