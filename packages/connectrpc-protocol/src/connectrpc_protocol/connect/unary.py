"""Unary calls. Source: Connect protocol reference, "Unary RPCs"."""

from typing import Generic, TypeVar

from google.protobuf.message import Message

from connectrpc_protocol.binding import ClientBound, ServerBound
from connectrpc_protocol.call import Fields, Peer
from connectrpc_protocol.code import Code
from connectrpc_protocol.connect import get_request
from connectrpc_protocol.connect.error_json import (
    dump_json,
    error_from_json,
    error_to_json,
    load_json,
)
from connectrpc_protocol.connect.headers import (
    PROTOCOL,
    VERSION,
    check_version,
    get_headers,
    post_headers,
    read_deadline,
    response_metadata,
    split_trailers,
)
from connectrpc_protocol.context import RequestContext
from connectrpc_protocol.encoding.codec import Codec
from connectrpc_protocol.encoding.compression import Compression
from connectrpc_protocol.errors import ConnectError, as_connect_error
from connectrpc_protocol.headers import Headers, RawHeaders, merged
from connectrpc_protocol.http import (
    HTTP_OK,
    HeaderPair,
    HttpRequest,
    HttpResponse,
    plain_text,
)
from connectrpc_protocol.method import Method
from connectrpc_protocol.options import ClientOptions, ServerOptions
from connectrpc_protocol.validate_response import check_content_type, response_compression

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)

_JSON = (b"content-type", b"application/json")
_VARY = (b"vary", b"accept-encoding")


class _ServerMethod(ServerBound[Req, Res]):
    """One method in one codec, with what its calls share."""

    __slots__ = ("content_type",)

    def __init__(self, method: Method[Req, Res], codec: Codec, options: ServerOptions) -> None:
        super().__init__(method, codec, options)
        self.content_type = (b"content-type", b"application/" + codec.name.encode())

    def post(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> "UnaryServerCall[Req, Res] | HttpResponse":
        """Begin a call that came with POST."""
        deadline = compression = error = None
        if (
            self.may_have_deadline
            or b"connect-timeout-ms" in fields
            or b"content-encoding" in fields
            or fields.get(b"connect-protocol-version") != VERSION
        ):  # else there is nothing to read
            try:
                deadline = read_deadline(fields, self.options)
                compression = self._read_compression(fields)
                check_version(fields.get(b"connect-protocol-version"), self.options)
            except ConnectError as exc:
                error = exc
        context = RequestContext(self.method, PROTOCOL, "POST", headers, deadline, peer)
        call = UnaryServerCall(self, context, fields, compression)
        return call if error is None else call.failure(error)

    def _read_compression(self, fields: Fields) -> Compression | None:
        encoding = fields.get(b"content-encoding", b"").decode("latin-1")
        return self.options.compressions.get(encoding)


class UnaryServerCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.UnaryServerCall`."""

    __slots__ = ("_bound", "_compression", "_fields", "_message", "context", "has_body")

    needs_trailers = False

    def __init__(
        self,
        bound: _ServerMethod[Req, Res],
        context: RequestContext,
        fields: Fields,
        compression: Compression | None,
        message: bytes | None = None,
    ) -> None:
        self._bound = bound
        self.context = context
        self._fields = fields
        self._compression = compression
        self._message = message
        self.has_body = message is None

    @property
    def read_limit(self) -> int | None:
        return self._bound.decoder.limit

    def too_large(self) -> ConnectError:
        return self._bound.decoder.too_large()

    def request(self, body: bytes) -> Req:
        if self._message is not None:
            body = self._message
        return self._bound.decoder.decode(body, self._compression)

    def encode(self, message: Res) -> bytes:
        return self._bound.encoder.encode(message)

    def response(self, body: bytes) -> HttpResponse:
        bound = self._bound
        size = len(body)
        if size < bound.encoder.compress_min and not self.context.has_response_metadata:
            # The path of nearly all small calls.
            length = (b"content-length", b"%d" % size)
            return HttpResponse(HTTP_OK, [bound.content_type, length], body)
        return self._answer(200, bound.content_type, body, None)

    def failure(self, exc: BaseException) -> HttpResponse:
        error = as_connect_error(exc, expose=self._bound.options.expose_errors)
        return self._answer(error.code.http_status, _JSON, dump_json(error_to_json(error)), error)

    def _answer(
        self, status: int, content_type: HeaderPair, body: bytes, error: ConnectError | None
    ) -> HttpResponse:
        headers = [content_type]
        body, encoding = self._compress(body)
        if encoding is not None:
            headers.append((b"content-encoding", encoding.encode()))
        if self._message is not None:
            headers.append(_VARY)
        headers.append((b"content-length", b"%d" % len(body)))
        headers += response_metadata(self.context, error)
        return HttpResponse(status, headers, body)

    def _compress(self, body: bytes) -> tuple[bytes, str | None]:
        bound = self._bound
        accepted = self._fields.get(b"accept-encoding", b"").decode("latin-1")
        if len(body) < bound.encoder.compress_min:
            return body, None
        compression = bound.options.compressions.negotiate(accepted)
        if compression is None:
            return body, None
        return compression.compress(body), compression.name


class _GetMethod(Generic[Req, Res]):
    """One method without side effects, called with GET; the codec is a parameter of the query."""

    __slots__ = ("_any", "_bound", "_unsupported")

    def __init__(self, bound: dict[str, _ServerMethod[Req, Res]]) -> None:
        self._bound = bound
        self._any = next(iter(bound.values()))
        names = ", ".join(bound)
        self._unsupported = plain_text(415, f"unsupported encoding; supported: {names}\n")

    def __call__(
        self, headers: RawHeaders, fields: Fields, query: bytes, peer: Peer
    ) -> "UnaryServerCall[Req, Res] | HttpResponse":
        """Begin a call that came with GET."""
        options = self._any.options
        try:
            parameters = get_request.parse_query(query)
            deadline = read_deadline(fields, options)
            get_request.check_version(parameters, options)
            bound = self._bound.get(get_request.parse_encoding(parameters))
            if bound is None:
                return self._unsupported
            compression = options.compressions.get(parameters.get("compression", ""))
            message = get_request.parse_message(parameters)
        except ConnectError as error:
            context = RequestContext(self._any.method, PROTOCOL, "GET", headers, None, peer)
            return UnaryServerCall(self._any, context, fields, None, b"").failure(error)
        context = RequestContext(bound.method, PROTOCOL, "GET", headers, deadline, peer)
        return UnaryServerCall(bound, context, fields, compression, message)


class UnaryServerMethod(Generic[Req, Res]):
    """The bindings of one unary method: by content type for POST, and one for GET."""

    __slots__ = ("get", "post")

    def __init__(self, method: Method[Req, Res], options: ServerOptions) -> None:
        bound = {codec.name: _ServerMethod(method, codec, options) for codec in options.codecs}
        self.post = {each.content_type[1]: each.post for each in bound.values()}
        self.get = _GetMethod(bound) if method.allows_get else None


class UnaryClientMethod(ClientBound[Req, Res]):
    """One method of one client, with what its calls share."""

    __slots__ = ("content_type",)

    def __init__(self, method: Method[Req, Res], base_url: str, options: ClientOptions) -> None:
        super().__init__(method, base_url, options)
        self.content_type = f"application/{options.codec.name}"

    def call(self, context: RequestContext) -> "UnaryClientCall[Req, Res]":
        """Begin a call."""
        return UnaryClientCall(self, context)


class UnaryClientCall(Generic[Req, Res]):
    """See `connectrpc_protocol.call.UnaryClientCall`."""

    __slots__ = ("_bound", "_context")

    def __init__(self, bound: UnaryClientMethod[Req, Res], context: RequestContext) -> None:
        self._bound = bound
        self._context = context

    @property
    def read_limit(self) -> int | None:
        return self._bound.decoder.limit

    def too_large(self) -> ConnectError:
        return self._bound.decoder.too_large()

    def request(self, message: Req) -> HttpRequest:
        if self._context.http_method == "GET":
            request = self._get(message)
            if request is not None:
                return request
        return self._post(message)

    def _post(self, message: Req) -> HttpRequest:
        bound = self._bound
        body = bound.encoder.encode(message)
        protocol = [("accept-encoding", bound.options.accept_compression.header)]
        body, encoding = self._compress(body)
        if encoding is not None:
            protocol.append(("content-encoding", encoding))
        headers = post_headers(self._context, bound.content_type, protocol)
        return HttpRequest("POST", bound.url, headers, body)

    def _get(self, message: Req) -> HttpRequest | None:
        """The call as a GET; `None` where its URL would be too long."""
        bound = self._bound
        codec = bound.options.codec
        bound.encoder.check(message)
        body, encoding = self._compress(codec.encode_stable(message))
        if len(body) > get_request.MAX_URL_LENGTH:
            return None
        url = get_request.build_url(bound.url, codec, body, encoding)
        if len(url) > get_request.MAX_URL_LENGTH:
            return None
        accepted = bound.options.accept_compression.header
        return HttpRequest("GET", url, get_headers(self._context, accepted), b"")

    def _compress(self, body: bytes) -> tuple[bytes, str | None]:
        compression = self._bound.options.send_compression
        if compression is None or len(body) < self._bound.encoder.compress_min:
            return body, None
        return compression.compress(body), compression.name

    def response(
        self, status: int, headers: RawHeaders, body: bytes, trailers: RawHeaders = ()
    ) -> Res:
        bound = self._bound
        metadata, prefixed = split_trailers(headers)
        self._context.receive(metadata, prefixed)
        if status != HTTP_OK:
            error = self._error(status, metadata, body)
            error.metadata = merged(metadata, prefixed)
            raise error
        check_content_type(metadata.get("content-type", ""), (bound.content_type,), "application/")
        return bound.decoder.decode(body, self._compression(metadata))

    def _error(self, status: int, headers: Headers, body: bytes) -> ConnectError:
        fallback = Code.from_http_status(status)
        media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if media_type != "application/json":
            # Something between the two sides, whatever it compresses its pages with.
            return ConnectError(fallback, f"HTTP status {status}")
        try:
            decoder = self._bound.decoder
            value = load_json(decoder.decompress(body, self._compression(headers), decoder.limit))
        except ConnectError as error:
            return error
        except ValueError:
            return ConnectError(fallback, f"HTTP status {status} with malformed JSON")
        return error_from_json(value, fallback)

    def _compression(self, headers: Headers) -> Compression | None:
        accepted = self._bound.options.accept_compression
        return response_compression(headers.get("content-encoding", ""), accepted)
