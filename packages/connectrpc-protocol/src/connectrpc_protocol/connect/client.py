"""The client side of the Connect protocol: unary calls, unary calls with GET, streams.

Source: Connect protocol reference, "Unary (Request-Response) RPCs" and "Streaming RPCs".
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ClientBinding
from connectrpc_protocol.code import Code
from connectrpc_protocol.connect import get_request
from connectrpc_protocol.connect.end_stream import END_STREAM, parse_end_stream
from connectrpc_protocol.connect.error_json import error_from_json, load_json
from connectrpc_protocol.connect.headers import (
    STREAM_PREFIX,
    UNARY_PREFIX,
    get_headers,
    post_headers,
)
from connectrpc_protocol.connect.trailer_prefix import split_trailers
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.compression import IDENTITY, Compression
from connectrpc_protocol.encoding.message_stream import MessageReader
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.header_names import (
    ACCEPT_ENCODING,
    CONNECT_ACCEPT_ENCODING,
    CONNECT_CONTENT_ENCODING,
    CONTENT_ENCODING,
    CONTENT_TYPE,
)
from connectrpc_protocol.headers import Headers, RawHeaders, merged
from connectrpc_protocol.http import HTTP_OK, HttpRequest
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions
from connectrpc_protocol.validate_response import (
    check_content_type,
    media_type_of,
    response_compression,
)

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)


class ConnectUnaryClientBinding(ClientBinding[Req, Res, "ConnectUnaryClientCall[Req, Res]"]):
    """A unary method of one client."""

    __slots__ = ("content_type",)

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        super().__init__(method, base_url, options)
        self.content_type = UNARY_PREFIX + options.codec.name

    def call(self, context: RequestContext) -> "ConnectUnaryClientCall[Req, Res]":
        return ConnectUnaryClientCall(self, context)


class ConnectUnaryClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.UnaryClientCall`."""

    __slots__ = ("_binding", "_context")

    def __init__(
        self, binding: ConnectUnaryClientBinding[Req, Res], context: RequestContext
    ) -> None:
        self._binding = binding
        self._context = context

    @property
    def read_limit(self) -> int | None:
        return self._binding.decoder.limit

    def too_large(self) -> ConnectError:
        return self._binding.decoder.too_large()

    def request(self, message: Req) -> HttpRequest:
        if self._context.http_method == "GET":
            request = self._get(message)
            if request is not None:
                return request
        return self._post(message)

    def _post(self, message: Req) -> HttpRequest:
        binding = self._binding
        body = binding.encoder.encode(message)
        protocol = [(ACCEPT_ENCODING, binding.options.accept_compression.header)]
        body, encoding = self._compress(body)
        if encoding is not None:
            protocol.append((CONTENT_ENCODING, encoding))
        headers = post_headers(self._context, binding.content_type, protocol)
        return HttpRequest("POST", binding.url, headers, body)

    def _get(self, message: Req) -> HttpRequest | None:
        """Return the request as a GET, or `None` if its URL would be too long."""
        binding = self._binding
        codec = binding.options.codec
        binding.encoder.check_type(message)
        body, encoding = self._compress(codec.encode_stable(message))
        if len(body) > get_request.MAX_URL_LENGTH:
            return None
        url = get_request.build_url(binding.url, codec, body, encoding)
        if len(url) > get_request.MAX_URL_LENGTH:
            return None
        accepted = binding.options.accept_compression.header
        return HttpRequest("GET", url, get_headers(self._context, accepted), b"")

    def _compress(self, body: bytes) -> tuple[bytes, str | None]:
        compression = self._binding.options.send_compression
        if compression is None or len(body) < self._binding.encoder.compress_min:
            return body, None
        return compression.compress(body), compression.name

    def response(
        self, status: int, headers: RawHeaders, body: bytes, trailers: RawHeaders = ()
    ) -> Res:
        binding = self._binding
        metadata, prefixed = split_trailers(headers)
        self._context.receive(metadata, prefixed)
        if status != HTTP_OK:
            error = self._error(status, metadata, body)
            error.metadata = merged(metadata, prefixed)
            raise error
        content_type = metadata.get(CONTENT_TYPE, "")
        check_content_type(content_type, (binding.content_type,), UNARY_PREFIX)
        return binding.decoder.decode(body, self._compression_of(metadata))

    def _error(self, status: int, headers: Headers, body: bytes) -> ConnectError:
        fallback = Code.from_http_status(status)
        if media_type_of(headers.get(CONTENT_TYPE, "")) != "application/json":
            # Not from a Connect server, for example the page of a proxy. The client does not
            # decompress it, because it may not know the compression.
            return ConnectError(fallback, f"HTTP status {status}")
        try:
            decoder = self._binding.decoder
            compression = self._compression_of(headers)
            value = load_json(decoder.decompress(body, compression, decoder.limit))
        except ConnectError as error:
            return error
        except ValueError:
            return ConnectError(fallback, f"HTTP status {status} with malformed JSON")
        return error_from_json(value, fallback)

    def _compression_of(self, headers: Headers) -> Compression | None:
        accepted = self._binding.options.accept_compression
        return response_compression(headers.get(CONTENT_ENCODING, ""), accepted)


class ConnectStreamClientBinding(ClientBinding[Req, Res, "ConnectStreamClientCall[Req, Res]"]):
    """A method of one client with a stream in at least one direction."""

    __slots__ = ("content_type", "headers")

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        super().__init__(method, base_url, options)
        self.content_type = STREAM_PREFIX + options.codec.name
        # Without this, an HTTP client sends its own list, for compression of the whole body.
        self.headers = [
            (ACCEPT_ENCODING, IDENTITY),
            (CONNECT_ACCEPT_ENCODING, options.accept_compression.header),
        ]
        if options.send_compression is not None:
            self.headers.append((CONNECT_CONTENT_ENCODING, options.send_compression.name))

    def call(self, context: RequestContext) -> "ConnectStreamClientCall[Req, Res]":
        return ConnectStreamClientCall(self, context)


class ConnectStreamClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.StreamClientCall`."""

    __slots__ = ("_binding", "_context", "_reader")

    def __init__(
        self, binding: ConnectStreamClientBinding[Req, Res], context: RequestContext
    ) -> None:
        self._binding = binding
        self._context = context
        self._reader = self._new_reader(None)

    def head(self) -> HttpRequest:
        binding = self._binding
        headers = post_headers(self._context, binding.content_type, binding.headers)
        return HttpRequest("POST", binding.url, headers, None)

    def message(self, message: Req) -> bytes:
        return self._binding.encoder.envelope(message, self._binding.options.send_compression)

    def start(self, status: int, headers: RawHeaders) -> None:
        metadata = Headers.from_raw(headers)
        self._context.receive(metadata, Headers())
        if status != HTTP_OK:
            raise ConnectError(
                Code.from_http_status(status), f"HTTP status {status}", metadata=metadata
            )
        content_type = metadata.get(CONTENT_TYPE, "")
        check_content_type(content_type, (self._binding.content_type,), STREAM_PREFIX)
        encoding = metadata.get(CONNECT_CONTENT_ENCODING, "")
        accepted = self._binding.options.accept_compression
        self._reader = self._new_reader(response_compression(encoding, accepted))

    def feed(self, chunk: bytes) -> Iterator[Res]:
        return self._reader.feed(chunk)

    def end(self, trailers: RawHeaders = ()) -> None:
        self._reader.finish()
        data = self._reader.end_data
        if data is None:
            raise ConnectError(Code.INTERNAL, "the stream ended without an end-stream message")
        context = self._context
        error = self._read_end_stream(data)
        if error is not None:
            error.metadata = merged(context.response_headers, context.response_trailers)
            raise error
        self._reader.check_count()

    def _read_end_stream(self, data: bytes) -> ConnectError | None:
        try:
            end = parse_end_stream(data)
        except ValueError as error:
            return ConnectError(Code.INTERNAL, f"malformed end-stream message: {error}")
        self._context.receive(self._context.response_headers, end.trailers)
        return end.error

    def _new_reader(self, compression: Compression | None) -> MessageReader[Res]:
        return MessageReader(
            self._binding.decoder,
            compression,
            exactly_one=self._binding.method.kind.one_response,
            end_flag=END_STREAM,
        )
