"""The server side of the Connect protocol: unary calls, unary calls with GET, streams.

Source: Connect protocol reference, "Unary (Request-Response) RPCs" and "Streaming RPCs".
"""

from collections.abc import Iterator
from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import Accept, ServerBinding
from connectrpc_protocol.call import Fields, Peer
from connectrpc_protocol.connect import get_request
from connectrpc_protocol.connect.end_stream import pack_end_stream
from connectrpc_protocol.connect.error_json import dump_json, error_to_json
from connectrpc_protocol.connect.headers import (
    PROTOCOL,
    STREAM_PREFIX,
    UNARY_PREFIX,
    accepted_versions,
    check_version,
    read_deadline,
)
from connectrpc_protocol.connect.trailer_prefix import response_metadata
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.encoding.message_stream import MessageReader
from connectrpc_protocol.errors import ConnectError
from connectrpc_protocol.header_names import (
    RAW_ACCEPT_ENCODING,
    RAW_CONNECT_ACCEPT_ENCODING,
    RAW_CONNECT_CONTENT_ENCODING,
    RAW_CONNECT_PROTOCOL_VERSION,
    RAW_CONNECT_TIMEOUT_MS,
    RAW_CONTENT_ENCODING,
    RAW_CONTENT_LENGTH,
    RAW_CONTENT_TYPE,
    RAW_VARY,
)
from connectrpc_protocol.headers import RawHeaders, raw_pairs
from connectrpc_protocol.http import (
    HTTP_OK,
    End,
    Head,
    HeaderPair,
    HttpResponse,
    plain_text,
)
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ServerOptions

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

_JSON = (RAW_CONTENT_TYPE, b"application/json")
_VARY = (RAW_VARY, RAW_ACCEPT_ENCODING)


def unary_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> list["ConnectUnaryServerBinding[Req, Res]"]:
    """Return the bindings of a unary method for POST, one for each codec."""
    return [ConnectUnaryServerBinding(method, codec, options) for codec in options.codecs]


def stream_bindings(
    method: Method[Req, Res], options: ServerOptions
) -> list["ConnectStreamServerBinding[Req, Res]"]:
    """Return the bindings of a method with a stream, one for each codec."""
    return [ConnectStreamServerBinding(method, codec, options) for codec in options.codecs]


def accept_get(
    method: Method[Req, Res], options: ServerOptions
) -> "Accept[ConnectUnaryServerCall[Req, Res]]":
    """Return the function that accepts requests with HTTP GET for a unary method."""
    return ConnectGetBinding(method, options).accept


class ConnectUnaryServerBinding(ServerBinding[Req, Res, "ConnectUnaryServerCall[Req, Res]"]):
    """A unary method in one codec, called with POST."""

    __slots__ = ("_accepted_versions", "content_type_header")

    def __init__(self, method: Method[Req, Res], codec: Codec, options: ServerOptions) -> None:
        super().__init__(method, codec, options, UNARY_PREFIX + codec.name)
        self._accepted_versions = accepted_versions(options)
        self.content_type_header = (RAW_CONTENT_TYPE, self.content_type)

    def accept(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> "ConnectUnaryServerCall[Req, Res] | HttpResponse":
        deadline = compression = error = None
        # Most calls have an accepted version and none of the other headers, and skip the checks.
        if (
            self.may_have_deadline
            or RAW_CONNECT_TIMEOUT_MS in fields
            or RAW_CONTENT_ENCODING in fields
            or fields.get(RAW_CONNECT_PROTOCOL_VERSION) not in self._accepted_versions
        ):
            try:
                deadline = read_deadline(fields, self.options)
                encoding = fields.get(RAW_CONTENT_ENCODING, b"").decode("latin-1")
                compression = self.options.compressions.get(encoding)
                check_version(fields.get(RAW_CONNECT_PROTOCOL_VERSION), self.options)
            except ConnectError as exc:
                error = exc
        context = RequestContext(self.method, PROTOCOL, "POST", headers, deadline, peer)
        call = ConnectUnaryServerCall(self, context, fields, compression)
        return call if error is None else call.failure(error)


class ConnectGetBinding(Generic[Req, Res]):
    """A unary method without side effects, called with GET.

    The query names the codec, so there is one binding for all codecs.
    """

    __slots__ = ("_by_codec", "_first", "_unsupported")

    def __init__(self, method: Method[Req, Res], options: ServerOptions) -> None:
        bindings = unary_bindings(method, options)
        self._first = bindings[0]
        self._by_codec = {binding.codec.name: binding for binding in bindings}
        names = ", ".join(self._by_codec)
        self._unsupported = plain_text(415, f"unsupported encoding; supported: {names}\n")

    def accept(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> "ConnectUnaryServerCall[Req, Res] | HttpResponse":
        """Begin a call, or return the response that refuses it."""
        options = self._first.options
        try:
            parameters = get_request.parse_query(query)
            deadline = read_deadline(fields, options)
            get_request.check_version(parameters, options)
            binding = self._by_codec.get(get_request.parse_encoding(parameters))
            if binding is None:
                return self._unsupported
            compression = options.compressions.get(parameters.get("compression", ""))
            message = get_request.parse_message(parameters)
        except ConnectError as error:
            context = RequestContext(self._first.method, PROTOCOL, "GET", headers, None, peer)
            return ConnectUnaryServerCall(self._first, context, fields, None, b"").failure(error)
        context = RequestContext(binding.method, PROTOCOL, "GET", headers, deadline, peer)
        return ConnectUnaryServerCall(binding, context, fields, compression, message)


class ConnectUnaryServerCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.UnaryServerCall`."""

    __slots__ = ("_binding", "_compression", "_fields", "_get_message", "context", "has_body")

    needs_trailers = False

    def __init__(
        self,
        binding: ConnectUnaryServerBinding[Req, Res],
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
        get_message: bytes | None = None,
    ) -> None:
        self._binding = binding
        self.context = context
        self._fields = fields
        self._compression = compression
        self._get_message = get_message
        self.has_body = get_message is None

    @property
    def read_limit(self) -> int | None:
        return self._binding.decoder.limit

    def too_large(self) -> ConnectError:
        return self._binding.decoder.too_large()

    def prefixes(self) -> None:
        return None

    def request(self, body: bytes) -> Req:
        if self._get_message is not None:
            body = self._get_message
        return self._binding.decoder.decode(body, self._compression)

    def encode(self, message: Res) -> bytes:
        return self._binding.encoder.encode(message)

    def response(self, body: bytes) -> HttpResponse:
        binding = self._binding
        size = len(body)
        if size < binding.encoder.compress_min and not self.context.has_response_metadata:
            # Most calls take this path: a small response without metadata.
            length = (RAW_CONTENT_LENGTH, b"%d" % size)
            return HttpResponse(HTTP_OK, [binding.content_type_header, length], body)
        return self._build_response(HTTP_OK, binding.content_type_header, body, None)

    def failure(self, exc: BaseException) -> HttpResponse:
        error = self._binding.to_connect_error(exc)
        body = dump_json(error_to_json(error))
        return self._build_response(error.code.http_status, _JSON, body, error)

    def _build_response(
        self, status: int, content_type: HeaderPair, body: bytes, error: ConnectError | None
    ) -> HttpResponse:
        headers = [content_type]
        body, encoding = self._compress(body)
        if encoding is not None:
            headers.append((RAW_CONTENT_ENCODING, encoding.encode()))
        if self._get_message is not None:
            headers.append(_VARY)
        headers.append((RAW_CONTENT_LENGTH, b"%d" % len(body)))
        headers += response_metadata(self.context, error)
        return HttpResponse(status, headers, body)

    def _compress(self, body: bytes) -> tuple[bytes, str | None]:
        binding = self._binding
        if len(body) < binding.encoder.compress_min:
            return body, None
        accepted = self._fields.get(RAW_ACCEPT_ENCODING, b"").decode("latin-1")
        compression = binding.options.compressions.negotiate(accepted)
        if compression is None:
            return body, None
        return compression.compress(body), compression.name


class ConnectStreamServerBinding(ServerBinding[Req, Res, "ConnectStreamServerCall[Req, Res]"]):
    """A method with a stream in at least one direction, in one codec."""

    __slots__ = ()

    def __init__(self, method: Method[Req, Res], codec: Codec, options: ServerOptions) -> None:
        super().__init__(method, codec, options, STREAM_PREFIX + codec.name)

    def accept(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> "ConnectStreamServerCall[Req, Res] | HttpResponse":
        accepted = fields.get(RAW_CONNECT_ACCEPT_ENCODING, b"").decode("latin-1")
        to_client = self.options.compressions.negotiate(accepted)
        deadline = from_client = error = None
        try:
            deadline = read_deadline(fields, self.options)
            check_version(fields.get(RAW_CONNECT_PROTOCOL_VERSION), self.options)
            encoding = fields.get(RAW_CONNECT_CONTENT_ENCODING, b"").decode("latin-1")
            from_client = self.options.compressions.get(encoding)
        except ConnectError as exc:
            error = exc
        context = RequestContext(self.method, PROTOCOL, "POST", headers, deadline, peer)
        call = ConnectStreamServerCall(self, context, from_client, to_client)
        return call if error is None else call.failure(error)


class ConnectStreamServerCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.StreamServerCall`."""

    __slots__ = ("_binding", "_compression", "_reader", "context")

    needs_trailers = False

    def __init__(
        self,
        binding: ConnectStreamServerBinding[Req, Res],
        context: RequestContext,
        from_client: Compression | None,
        to_client: Compression | None,
    ) -> None:
        self._binding = binding
        self.context = context
        self._compression = to_client
        self._reader = MessageReader(
            binding.decoder, from_client, exactly_one=binding.method.kind.one_request
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
        headers = [(RAW_CONTENT_TYPE, self._binding.content_type)]
        if self._compression is not None:
            headers.append((RAW_CONNECT_CONTENT_ENCODING, self._compression.name.encode()))
        self.context.note_sent_head()
        if self.context.has_response_metadata:
            headers += raw_pairs(self.context.response_headers.metadata())
        return Head(HTTP_OK, headers)

    def message(self, message: Res) -> bytes:
        return self._binding.encoder.envelope(message, self._compression)

    def end(self, exc: BaseException | None = None) -> End:
        error = None if exc is None else self._binding.to_connect_error(exc)
        return End(pack_end_stream(self.context.response_trailers, error))

    def failure(self, exc: BaseException) -> HttpResponse:
        head = self.head()
        return HttpResponse(head.status, head.headers, self.end(exc).body)
