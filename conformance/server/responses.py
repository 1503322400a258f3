"""The responses of ConformanceService, as the comments in its proto file specify them.

Nothing here waits. The async and the sync service wait for the delay of each payload.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from connectrpc.conformance.v1 import service_pb2 as pb
from google.protobuf.message import Message

from common.messages import code_of, pack, pairs_of, suite_headers
from connectrpc_server import ConnectError, Headers, RequestContext


class TimedPayload(NamedTuple):
    """The payload of a response, and the delay before it in seconds."""

    delay: float
    payload: pb.ConformancePayload


def respond_once(
    definition: pb.UnaryResponseDefinition, requests: Sequence[Message], ctx: RequestContext
) -> TimedPayload:
    """Return the response of a unary or client stream call.

    Raises `ConnectError` if the definition asks for an error.
    """
    _set_metadata(definition.response_headers, definition.response_trailers, ctx)
    info = _request_info(requests, ctx)
    if definition.HasField("error"):
        raise _error(definition.error, info)
    payload = pb.ConformancePayload(data=definition.response_data, request_info=info)
    return TimedPayload(definition.response_delay_ms / 1000, payload)


class StreamResponses:
    """The responses of a server stream or bidi stream call."""

    def __init__(self, ctx: RequestContext) -> None:
        self._ctx = ctx
        self._definition: pb.StreamResponseDefinition | None = None
        self._requests: list[Message] = []
        self._sent = 0
        self._full_duplex = False

    def receive(
        self, request: pb.ServerStreamRequest | pb.BidiStreamRequest
    ) -> Iterator[TimedPayload]:
        """Yield the responses to send now: one for each request in full duplex, else none."""
        self._requests.append(request)
        if self._definition is None:
            definition = self._definition = request.response_definition
            _set_metadata(definition.response_headers, definition.response_trailers, self._ctx)
            self._full_duplex = isinstance(request, pb.BidiStreamRequest) and request.full_duplex
        if self._full_duplex and not self.is_complete:
            yield self._next(self._definition)
            self._requests.clear()

    @property
    def is_complete(self) -> bool:
        """Whether a full-duplex call has sent all responses; the client may still send requests."""
        definition = self._definition
        return (
            self._full_duplex
            and definition is not None
            and self._sent >= len(definition.response_data)
        )

    def finish(self) -> Iterator[TimedPayload]:
        """Yield the remaining responses.

        Raises `ConnectError` after them if the definition asks for an error.
        """
        definition = self._definition
        if definition is None:
            return
        while self._sent < len(definition.response_data):
            yield self._next(definition)
        if definition.HasField("error"):
            # The first response carries the information about the requests, else the error does.
            info = None if self._sent else _request_info(self._requests, self._ctx)
            raise _error(definition.error, info)

    def _next(self, definition: pb.StreamResponseDefinition) -> TimedPayload:
        payload = pb.ConformancePayload(data=definition.response_data[self._sent])
        if self._sent == 0:
            payload.request_info.CopyFrom(_request_info(self._requests, self._ctx))
        elif self._full_duplex:
            payload.request_info.requests.extend(map(pack, self._requests))
        self._sent += 1
        return TimedPayload(definition.response_delay_ms / 1000, payload)


def _set_metadata(
    headers: Iterable[pb.Header], trailers: Iterable[pb.Header], ctx: RequestContext
) -> None:
    _add(headers, ctx.response_headers)
    _add(trailers, ctx.response_trailers)


def _add(headers: Iterable[pb.Header], target: Headers) -> None:
    for name, value in pairs_of(headers):
        target.add(name, value)


def _request_info(
    requests: Iterable[Message], ctx: RequestContext
) -> pb.ConformancePayload.RequestInfo:
    info = pb.ConformancePayload.RequestInfo(
        request_headers=suite_headers(ctx.request_headers),
        timeout_ms=ctx.timeout_ms,
        requests=map(pack, requests),
    )
    if ctx.http_method == "GET":
        # A handler cannot read the query; the suite accepts an empty message.
        info.connect_get_info.SetInParent()
    return info


def _error(error: pb.Error, info: pb.ConformancePayload.RequestInfo | None) -> ConnectError:
    details: list[Message] = list(error.details)
    if info is not None:
        details.append(info)
    return ConnectError(code_of(error), error.message, details)
