"""The exceptions of pyqwest as `ConnectError`."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from http import HTTPStatus

import pyqwest

from connectrpc_client._transports.delivery import Delivery, unavailable
from connectrpc_client._transports.errors import translate_errors as _translate_errors
from connectrpc_protocol import Code, ConnectError
from connectrpc_protocol.http import HttpRequest

# The exceptions that pyqwest raises for failures on the network.
_LIBRARY_ERRORS = (
    OSError,  # the base of its connection errors and timeouts
    pyqwest.ReadError,
    pyqwest.RemoteProtocolError,
    pyqwest.TooManyRedirects,
    pyqwest.WriteError,
)

# For a stream that was reset: PROTOCOL-HTTP2.md of gRPC, "Errors". All others are `internal`.
_STREAM_ERROR_CODES = {
    pyqwest.StreamErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    pyqwest.StreamErrorCode.CANCEL: Code.CANCELED,
    pyqwest.StreamErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
    pyqwest.StreamErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}

# In the text of a `StreamError` if the server ended the whole connection (RFC 9113, section 6.8).
_CONNECTION_ENDED = "connection error received: "

# In the text of a `RemoteProtocolError` if the server ended a connection over HTTP/1.1 before the
# response was complete. The same exception with another text is about a malformed response.
_ENDED_EARLY = "connection closed before message completed"

_NO_TRAILERS = (
    "pyqwest does not deliver HTTP trailers over HTTP/3, and gRPC needs them: use HTTP/2, or the "
    "protocol connect or grpc-web, which work over HTTP/3"
)


def translate_errors(body_errors: Sequence[Exception]) -> AbstractContextManager[None]:
    """Raise exceptions of pyqwest as `ConnectError`, and those of the request body unchanged."""
    return _translate_errors(_LIBRARY_ERRORS, _connect_error, body_errors)


def translate_send_errors(
    body_errors: Sequence[Exception], *, has_whole_body: bool, may_reuse: bool
) -> AbstractContextManager[None]:
    """Do the same for a request whose response head has not arrived, and note how far it came.

    `may_reuse` says whether its connection may have had earlier calls.
    """
    translate = partial(_send_error, has_whole_body=has_whole_body, may_reuse=may_reuse)
    return _translate_errors(_LIBRARY_ERRORS, translate, body_errors)


def missing_trailers(
    request: HttpRequest, response: pyqwest.Response | pyqwest.SyncResponse
) -> ConnectError | None:
    """Return the error of a call that needs trailers, if pyqwest will not deliver them.

    pyqwest drops trailers over HTTP/3. A request that expects trailers says so with `te` (RFC 9110,
    section 10.1.4). Without them, a call that succeeded would look like one whose connection broke.
    """
    if response.http_version is not pyqwest.HTTPVersion.HTTP3:
        return None
    if response.status != HTTPStatus.OK:  # the status already says what is wrong
        return None
    if ("te", "trailers") not in request.headers:
        return None
    return ConnectError(Code.UNIMPLEMENTED, _NO_TRAILERS)


def _connect_error(exc: Exception) -> ConnectError:
    if isinstance(exc, pyqwest.StreamError):
        return ConnectError(_code_of(exc), str(exc))
    if isinstance(exc, TimeoutError) and not isinstance(exc, pyqwest.ConnectTimeout):
        return ConnectError(Code.DEADLINE_EXCEEDED, f"timeout: {exc}")
    return ConnectError(Code.UNAVAILABLE, str(exc))


def _send_error(exc: Exception, *, has_whole_body: bool, may_reuse: bool) -> ConnectError:
    error = _connect_error(exc)
    if error.code is not Code.UNAVAILABLE:
        return error
    return unavailable(error.message, _delivery_of(exc, has_whole_body, may_reuse))


def _delivery_of(exc: Exception, has_whole_body: bool, may_reuse: bool) -> Delivery | None:
    """Return how far a request came. `None` means that it must not be sent again.

    pyqwest does not say whether a connection was new, or how much of a request was sent. It opens
    another connection by itself if an idle one has ended before it sends the request.
    """
    if isinstance(exc, pyqwest.StreamError):
        # With a GOAWAY, pyqwest fails only streams above the last one, which the server did not
        # process (RFC 9113, section 6.8). reqwest, below it, has sent a refused request again, up
        # to twice, if it had the whole body.
        is_resent = has_whole_body and exc.code is pyqwest.StreamErrorCode.REFUSED_STREAM
        return None if is_resent else Delivery.NOT_PROCESSED
    if isinstance(exc, ConnectionError):
        return None if isinstance(exc, pyqwest.ConnectTimeout) else Delivery.NOT_PROCESSED
    has_ended = isinstance(exc, pyqwest.WriteError) or _ENDED_EARLY in str(exc)
    return Delivery.UNKNOWN if has_ended and may_reuse else None


def _code_of(error: pyqwest.StreamError) -> Code:
    # The code of a GOAWAY is about the connection, and another call may have caused it. Only the
    # text distinguishes a GOAWAY from a reset of this stream.
    if _CONNECTION_ENDED in str(error):
        return Code.UNAVAILABLE
    return _STREAM_ERROR_CODES.get(error.code, Code.INTERNAL)
