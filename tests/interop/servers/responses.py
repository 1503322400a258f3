"""What every implementation of the service answers."""

from collections.abc import Iterable

from interop.v1 import interop_pb2 as pb

OBSERVATION = 30  # seconds in which an event has to happen
PONDERING = 30  # seconds that nobody waits for
IMPATIENCE = 200  # milliseconds

Pairs = list[tuple[str, str | bytes]]


def echo(request: pb.EchoRequest) -> pb.EchoResponse:
    data = bytes(request.reply_size) if request.reply_size else request.data
    return pb.EchoResponse(text=request.text, data=data)


def collect(requests: Iterable[pb.EchoRequest]) -> pb.EchoResponse:
    return pb.EchoResponse(text=" ".join(request.text for request in requests))


def repeat(request: pb.RepeatRequest) -> list[pb.EchoResponse]:
    return [pb.EchoResponse(text=request.text, number=1 + each) for each in range(request.times)]


def is_goodbye(request: pb.EchoRequest) -> bool:
    return request.text == "bye"


def headers(metadata: Iterable[tuple[str, str | bytes]]) -> Pairs:
    """What comes back with the headers."""
    return [(name, value) for name, value in metadata if name.startswith("interop-")]


def trailers(metadata: Iterable[tuple[str, str | bytes]]) -> Pairs:
    """What comes back with the trailers."""
    return [(f"trailing-{name}", value) for name, value in headers(metadata)]


def remaining(milliseconds: float | None) -> pb.RemainingResponse:
    if milliseconds is None:
        return pb.RemainingResponse()
    return pb.RemainingResponse(remaining_ms=int(milliseconds))
