"""The responses of the service, the same in every implementation."""

from collections.abc import Iterable

from interop.v1 import interop_pb2 as pb

OBSERVATION = 30
"""Seconds that `Observe` waits for an event."""

PONDERING = 30
"""Seconds that `Wait` and `Ponder` take; all callers cancel or time out before."""

IMPATIENCE = 200
"""The default deadline of `ImpatientService`, in milliseconds."""

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
    """Return the metadata that the service sends as headers."""
    return [(name, value) for name, value in metadata if name.startswith("interop-")]


def trailers(metadata: Iterable[tuple[str, str | bytes]]) -> Pairs:
    """Return the metadata that the service sends as trailers."""
    return [(f"trailing-{name}", value) for name, value in headers(metadata)]


def remaining(milliseconds: float | None) -> pb.RemainingResponse:
    if milliseconds is None:
        return pb.RemainingResponse()
    return pb.RemainingResponse(remaining_ms=int(milliseconds))
