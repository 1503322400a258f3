"""The face that every caller has."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

PATIENCE = 60  # seconds that the slowest machine may take for one step

Metadata = Sequence[tuple[str, str | bytes]]
Received = Mapping[str, list[str | bytes]]


@dataclass
class Answer:
    """How a call went well."""

    messages: list[Message]
    headers: Received
    trailers: Received

    @property
    def message(self) -> Message:
        (message,) = self.messages
        return message


@dataclass
class FailureError(Exception):
    """How a call failed; `code` is in lower case, such as `not_found`."""

    code: str
    message: str = ""
    details: list[Any] = field(default_factory=list)
    trailers: Received = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)


class Running(Protocol):
    """A unary call under way."""

    def cancel(self) -> str:
        """End it; returns the code with which it ended."""
        ...


class Talk(Protocol):
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
    ) -> Answer: ...

    def client_stream(
        self, rpc: str, requests: Iterable[Message], *, metadata: Metadata = ()
    ) -> Answer: ...

    def server_stream(
        self,
        rpc: str,
        request: Message,
        *,
        metadata: Metadata = (),
        timeout: float | None = None,
    ) -> Answer: ...

    def together(self, rpc: str, requests: Sequence[Message]) -> list[Message]:
        """Unary calls at the same time."""
        ...

    def start(self, rpc: str, request: Message) -> Running: ...

    def start_stream(self, rpc: str, request: Message) -> Talk: ...

    def talk(self, rpc: str) -> Talk: ...

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
    except FailureError as failure:
        failure.messages = received
        raise
    return received
