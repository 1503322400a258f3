"""Client stream, server stream and bidi stream calls.

Source: Connect protocol reference, "Streaming RPCs".
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ClientBound, ServerBound
from connectrpc_protocol.call import Fields, Peer
from connectrpc_protocol.code import Code
from connectrpc_protocol.connect.error_json import (
    dump_json,
    error_from_json,
    error_to_json,
    is_object,
    load_json,
    metadata_from_json,
    metadata_to_json,
)
from connectrpc_protocol.connect.headers import (
    PROTOCOL,
    check_version,
    post_headers,
    read_deadline,
)
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.envelope import pack
from connectrpc_protocol.encoding.messages import MessageReader
from connectrpc_protocol.errors import ConnectError, as_connect_error
from connectrpc_protocol.headers import Headers, RawHeaders, merged, raw_pairs
from connectrpc_protocol.http import HTTP_OK, End, Head, HttpRequest, HttpResponse
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions, ServerOptions
from connectrpc_protocol.validate_response import check_content_type, response_compression

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

END_STREAM = 0b0000_0010
CONTENT_TYPE_PREFIX = "application/connect+"


class _ServerMethod(ServerBound[Req, Res]):
    """One method in one codec, with what its calls share."""

    __slots__ = ("content_type",)

    def __init__(self, method: Method[Req, Res], codec: Codec, options: ServerOptions) -> None:
        super().__init__(method, codec, options)
        self.content_type = (CONTENT_TYPE_PREFIX + codec.name).encode()

    def post(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> "StreamServerCall[Req, Res] | HttpResponse":
        """Begin a call."""
        accepted = fields.get(b"connect-accept-encoding", b"").decode("latin-1")
        to_client = self.options.compressions.negotiate(accepted)
        from_client = None
        try:
            deadline = read_deadline(fields, self.options)
            check_version(fields.get(b"connect-protocol-version"), self.options)
            encoding = fields.get(b"connect-content-encoding", b"").decode("latin-1")
            from_client = self.options.compressions.get(encoding)
        except ConnectError as error:
            context = RequestContext(self.method, PROTOCOL, "POST", headers, None, peer)
            return StreamServerCall(self, context, None, to_client).failure(error)
        context = RequestContext(self.method, PROTOCOL, "POST", headers, deadline, peer)
        return StreamServerCall(self, context, from_client, to_client)


class StreamServerCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.StreamServerCall`."""

    __slots__ = ("_bound", "_compression", "_reader", "context")

    needs_trailers = False

    def __init__(
        self,
        bound: _ServerMethod[Req, Res],
        context: RequestContext,
        from_client: Compression | None,
        to_client: Compression | None,
    ) -> None:
        self._bound = bound
        self.context = context
        self._compression = to_client
        self._reader = MessageReader(
            bound.decoder, from_client, exactly_one=bound.method.kind.one_request
        )

    @property
    def wanted(self) -> int:
        return self._reader.wanted

    def feed(self, chunk: bytes) -> Iterator[Req]:
        return self._reader.feed(chunk)

    def feed_end(self) -> None:
        self._reader.finish()
        self._reader.check_count()

    def head(self) -> Head:
        headers = [(b"content-type", self._bound.content_type)]
        if self._compression is not None:
            headers.append((b"connect-content-encoding", self._compression.name.encode()))
        return Head(HTTP_OK, headers + raw_pairs(self.context.response_headers.metadata()))

    def message(self, message: Res) -> bytes:
        return self._bound.encoder.envelope(message, self._compression)

    def end(self, exc: BaseException | None = None) -> End:
        value: dict[str, object] = {}
        trailers = [self.context.response_trailers]
        if exc is not None:
            error = as_connect_error(exc, expose=self._bound.options.expose_errors)
            value["error"] = error_to_json(error)
            trailers.append(error.metadata)
        metadata = metadata_to_json(*trailers)
        if metadata:
            value["metadata"] = metadata
        return End(pack(END_STREAM, dump_json(value)))

    def failure(self, exc: BaseException) -> HttpResponse:
        head = self.head()
        return HttpResponse(head.status, head.headers, self.end(exc).body)


class StreamServerMethod(Generic[Req, Res]):
    """The bindings of one method, by content type."""

    __slots__ = ("post",)

    def __init__(self, method: Method[Req, Res], options: ServerOptions) -> None:
        bound = [_ServerMethod(method, codec, options) for codec in options.codecs]
        self.post = {each.content_type: each.post for each in bound}


class StreamClientMethod(ClientBound[Req, Res]):
    """One method of one client, with what its calls share."""

    __slots__ = ("content_type", "headers")

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        super().__init__(method, base_url, options)
        self.content_type = CONTENT_TYPE_PREFIX + options.codec.name
        # An HTTP client must not ask on its own account to have the whole body compressed.
        self.headers = [
            ("accept-encoding", "identity"),
            ("connect-accept-encoding", options.accept_compression.header),
        ]
        if options.send_compression is not None:
            self.headers.append(("connect-content-encoding", options.send_compression.name))

    def call(self, context: RequestContext) -> "StreamClientCall[Req, Res]":
        """Begin a call."""
        return StreamClientCall(self, context)


class StreamClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.StreamClientCall`."""

    __slots__ = ("_bound", "_context", "_reader")

    def __init__(self, bound: StreamClientMethod[Req, Res], context: RequestContext) -> None:
        self._bound = bound
        self._context = context
        self._reader = self._new_reader(None)

    def head(self) -> HttpRequest:
        bound = self._bound
        headers = post_headers(self._context, bound.content_type, bound.headers)
        return HttpRequest("POST", bound.url, headers, None)

    def message(self, message: Req) -> bytes:
        return self._bound.encoder.envelope(message, self._bound.options.send_compression)

    def start(self, status: int, headers: RawHeaders) -> None:
        metadata = Headers.from_raw(headers)
        self._context.receive(metadata, Headers())
        if status != HTTP_OK:
            raise ConnectError(
                Code.from_http_status(status), f"HTTP status {status}", metadata=metadata
            )
        content_type = metadata.get("content-type", "")
        check_content_type(content_type, (self._bound.content_type,), CONTENT_TYPE_PREFIX)
        encoding = metadata.get("connect-content-encoding", "")
        accepted = self._bound.options.accept_compression
        self._reader = self._new_reader(response_compression(encoding, accepted))

    def feed(self, chunk: bytes) -> Iterator[Res]:
        return self._reader.feed(chunk)

    def end(self, trailers: RawHeaders = ()) -> None:
        self._reader.finish()
        data = self._reader.end_data
        if data is None:
            raise ConnectError(Code.INTERNAL, "the stream ended without an end-stream message")
        error = self._read_end_stream(data)
        if error is not None:
            context = self._context
            error.metadata = merged(context.response_headers, context.response_trailers)
            raise error
        self._reader.check_count()

    def _read_end_stream(self, data: bytes) -> ConnectError | None:
        try:
            value = load_json(data)
            if not is_object(value):
                raise ValueError("no JSON object")
            trailers = metadata_from_json(value.get("metadata"))
            self._context.receive(self._context.response_headers, trailers)
        except ValueError as error:
            return ConnectError(Code.INTERNAL, f"malformed end-stream message: {error}")
        failure = value.get("error")
        return None if failure is None else error_from_json(failure, Code.UNKNOWN)

    def _new_reader(self, compression: Compression | None) -> MessageReader[Res]:
        return MessageReader(
            self._bound.decoder,
            compression,
            exactly_one=self._bound.method.kind.one_response,
            end_flag=END_STREAM,
        )
