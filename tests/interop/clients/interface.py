"""The face that every caller has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

STEP_SECONDS = 60  # seconds that the slowest machine may take for one step

Metadata = Sequence[tuple[str, str | bytes]]
Received = Mapping[str, list[str | bytes]]


@dataclass
class Response:
    """How a call went well."""

    messages: list[Message]
    headers: Received
    trailers: Received

    @property
    def message(self) -> Message:
        (message,) = self.messages
        return message


@dataclass
class CallError(Exception):
    """How a call failed; `code` is in lower case, such as `not_found`."""

    code: str
    message: str = ""
    details: list[Any] = field(default_factory=list)
    trailers: Received = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


class PendingCall(Protocol):
    """A unary call under way."""

    def cancel(self) -> str:
        """End it; returns the code with which it ended."""
        ...


class OpenStream(Protocol):
    """A stream under way."""

    def send(self, message: Message) -> None: ...

    def half_close(self) -> None:
        """Nothing more will be sent."""
        ...

    def receive(self) -> Message | None:
        """The next message; `None` after the last."""
        ...

    def cancel(self) -> None: ...


class Caller(Protocol):
    """A client of one server. `service` names another one than `InteropService`."""

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
        """Unary calls at the same time."""
        ...

    def start_unary(self, rpc: str, request: Message) -> PendingCall: ...

    def start_server_stream(self, rpc: str, request: Message) -> OpenStream: ...

    def open_bidi_stream(self, rpc: str) -> OpenStream: ...

    def close(self) -> None: ...


def by_name(pairs: Iterable[tuple[str, str | bytes]]) -> dict[str, list[str | bytes]]:
    """All values of each name, in order."""
    found: dict[str, list[str | bytes]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def collected(
    messages: Iterator[Message],
) -> list[Message]:
    """All messages; where the stream fails, the failure knows those that came."""
    received: list[Message] = []
    try:
        received.extend(messages)
    except CallError as failure:
        failure.messages = received
        raise
    return received
