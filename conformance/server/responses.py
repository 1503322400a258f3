"""What ConformanceService answers, as the comments of its proto file say.

Nothing here waits: an async and a sync service take the steps from here, and wait between them.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from connectrpc.conformance.v1 import service_pb2 as pb
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message

from connectrpc_server import Code, ConnectError, Headers, RequestContext

_CODES = {code.grpc: code for code in Code}


class Step(NamedTuple):
    """A response to send after a delay, in seconds."""

    delay: float
    payload: pb.ConformancePayload


def answer_one(
    definition: pb.UnaryResponseDefinition, requests: Sequence[Message], ctx: RequestContext
) -> Step:
    """The one response of a unary or client stream call. Raises the error that is asked for."""
    _set_metadata(definition.response_headers, definition.response_trailers, ctx)
    info = _request_info(requests, ctx)
    if definition.HasField("error"):
        raise _error(definition.error, info)
    payload = pb.ConformancePayload(data=definition.response_data, request_info=info)
    return Step(definition.response_delay_ms / 1000, payload)


class StreamAnswer:
    """The responses of a server stream or bidi stream call."""

    def __init__(self, ctx: RequestContext) -> None:
        self._ctx = ctx
        self._definition: pb.StreamResponseDefinition | None = None
        self._requests: list[Message] = []
        self._sent = 0
        self._full_duplex = False

    def receive(self, request: pb.ServerStreamRequest | pb.BidiStreamRequest) -> Iterator[Step]:
        """What to send upon a request: a response each time in full duplex, else nothing yet."""
        self._requests.append(request)
        if self._definition is None:
            definition = self._definition = request.response_definition
            _set_metadata(definition.response_headers, definition.response_trailers, self._ctx)
            self._full_duplex = isinstance(request, pb.BidiStreamRequest) and request.full_duplex
        if self._full_duplex and not self.is_over:
            yield self._step(self._definition)
            self._requests.clear()

    @property
    def is_over(self) -> bool:
        """Whether a full duplex call is over, although the client may go on."""
        definition = self._definition
        return (
            self._full_duplex
            and definition is not None
            and self._sent >= len(definition.response_data)
        )

    def finish(self) -> Iterator[Step]:
        """What is left to send. Raises the error that is asked for, at the end."""
        definition = self._definition
        if definition is None:
            return
        while self._sent < len(definition.response_data):
            yield self._step(definition)
        if definition.HasField("error"):
            # Where no response carried it, the error says what was received.
            info = None if self._sent else _request_info(self._requests, self._ctx)
            raise _error(definition.error, info)

    def _step(self, definition: pb.StreamResponseDefinition) -> Step:
        payload = pb.ConformancePayload(data=definition.response_data[self._sent])
        if self._sent == 0:
            payload.request_info.CopyFrom(_request_info(self._requests, self._ctx))
        elif self._full_duplex:
            payload.request_info.requests.extend(_packed(self._requests))
        self._sent += 1
        return Step(definition.response_delay_ms / 1000, payload)


def _set_metadata(
    headers: Iterable[pb.Header], trailers: Iterable[pb.Header], ctx: RequestContext
) -> None:
    _add(headers, ctx.response_headers)
    _add(trailers, ctx.response_trailers)


def _add(headers: Iterable[pb.Header], target: Headers) -> None:
    for header in headers:
        for value in header.value:
            target.add(header.name, value)


def _request_info(
    requests: Iterable[Message], ctx: RequestContext
) -> pb.ConformancePayload.RequestInfo:
    received = ctx.request_headers
    info = pb.ConformancePayload.RequestInfo(
        request_headers=[pb.Header(name=name, value=received.get_all(name)) for name in received],
        timeout_ms=ctx.timeout_ms,
        requests=_packed(requests),
    )
    if ctx.http_method == "GET":
        # Handlers do not see the query; an empty message is allowed.
        info.connect_get_info.SetInParent()
    return info


def _packed(messages: Iterable[Message]) -> list[Any]:
    return [_pack(message) for message in messages]


def _pack(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed


def _error(error: pb.Error, info: pb.ConformancePayload.RequestInfo | None) -> ConnectError:
    details: list[Message] = list(error.details)
    if info is not None:
        details.append(info)
    return ConnectError(_CODES[error.code], error.message, details)
