"""The headers that users send: they refuse the names that HTTP or a protocol sets itself.

Without these checks, such a header would be left out, and the user would not notice.
"""

from collections.abc import Mapping
from typing import ClassVar

from connectrpc_protocol import header_names
from connectrpc_protocol.headers import Headers, HeadersInput, checked_name

_RESPONSE = "only responses have it; use a name of your own"
_REQUEST = "only requests have it; use a name of your own"
_ERROR = "raise a ConnectError"
_CODEC = "it follows from the codec of the request"

_IN_REQUESTS = {
    header_names.CONTENT_TYPE: "use the client's options protocol and codec",
    header_names.CONNECT_PROTOCOL_VERSION: "use the client's option protocol",
    "date": _RESPONSE,
    "server": _RESPONSE,
    "host": "use the client's base_url",
    **dict.fromkeys(
        (
            header_names.ACCEPT_ENCODING,
            header_names.CONNECT_ACCEPT_ENCODING,
            header_names.GRPC_ACCEPT_ENCODING,
        ),
        "use the client's option accept_compression",
    ),
    **dict.fromkeys(
        (
            header_names.CONTENT_ENCODING,
            header_names.CONNECT_CONTENT_ENCODING,
            header_names.GRPC_ENCODING,
        ),
        "use the client's option send_compression",
    ),
    **dict.fromkeys(
        (header_names.CONNECT_TIMEOUT_MS, header_names.GRPC_TIMEOUT),
        "use timeout_ms",
    ),
    **dict.fromkeys(
        (header_names.GRPC_STATUS, header_names.GRPC_MESSAGE, header_names.GRPC_STATUS_DETAILS),
        _RESPONSE,
    ),
}
_IN_RESPONSES = {
    header_names.CONTENT_TYPE: _CODEC,
    **dict.fromkeys(
        (
            header_names.GRPC_ACCEPT_ENCODING,
            header_names.CONTENT_ENCODING,
            header_names.CONNECT_CONTENT_ENCODING,
            header_names.GRPC_ENCODING,
        ),
        "use the application's option compressions",
    ),
    **dict.fromkeys(
        (header_names.GRPC_STATUS, header_names.GRPC_MESSAGE, header_names.GRPC_STATUS_DETAILS),
        _ERROR,
    ),
    **dict.fromkeys(
        (
            header_names.ACCEPT_ENCODING,
            header_names.CONNECT_ACCEPT_ENCODING,
            header_names.CONNECT_PROTOCOL_VERSION,
            header_names.CONNECT_TIMEOUT_MS,
            header_names.GRPC_TIMEOUT,
            header_names.TE,
            "host",
        ),
        _REQUEST,
    ),
}


class _HeadersToSend(Headers):
    """Headers that raise `ValueError`, with what to use instead, when a reserved name is set.

    `_instead` has the names with an option or a method of their own. All others belong to the
    connection, such as `transfer-encoding`.
    """

    __slots__ = ()

    _subject: ClassVar[str]
    _instead: ClassVar[Mapping[str, str]] = _IN_RESPONSES
    _otherwise: ClassVar[str] = "the HTTP server sets it"

    def _key(self, name: str) -> str:
        key = checked_name(name)
        if key in header_names.RESERVED:
            raise ValueError(
                f"{self._subject} {key!r} cannot be set: "
                f"{self._instead.get(key, self._otherwise)}; to forward the headers of another "
                "call, pass their metadata()"
            )
        return key


class RequestHeaders(_HeadersToSend):
    """The request headers of a client, or of one of its calls."""

    __slots__ = ()

    _subject = "the header"
    _instead = _IN_REQUESTS
    _otherwise = "the HTTP client sets it; use options of your own http_client"

    def replaced_by(self, headers: HeadersInput) -> "RequestHeaders":
        """Return a copy in which the given headers replace those of the same name."""
        result = RequestHeaders()
        result._values = {name: values.copy() for name, values in self._values.items()}
        if headers:
            result._values |= RequestHeaders(headers)._values
        return result


class ResponseHeaders(_HeadersToSend):
    """The response headers of a call. Once they have been sent, a change is a `RuntimeError`."""

    __slots__ = ("_are_sent",)

    _subject = "the response header"

    def __init__(self, initial: HeadersInput = ()) -> None:
        self._are_sent = False
        super().__init__(initial)

    def note_sent(self) -> None:
        """Refuse changes from now on, because the response head has been sent."""
        self._are_sent = True

    def _key(self, name: str) -> str:
        self._check_not_sent()
        return super()._key(name)

    def __delitem__(self, name: str) -> None:
        self._check_not_sent()
        super().__delitem__(name)

    def _check_not_sent(self) -> None:
        if self._are_sent:
            raise RuntimeError(
                "the response headers have been sent: set them before the first response message, "
                "or use response_trailers"
            )


class ResponseTrailers(_HeadersToSend):
    """The response trailers of a call."""

    __slots__ = ()

    _subject = "the response trailer"


class ErrorMetadata(_HeadersToSend):
    """The metadata of an error that a handler makes."""

    __slots__ = ()

    _subject = "the error's metadata"
