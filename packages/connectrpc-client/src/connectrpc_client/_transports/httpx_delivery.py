"""Finds out how far a request came that failed in httpx or httpx2.

These libraries do not say whether a connection was new, or whether any byte of a request was sent:
over HTTP/1.1 they read on after a failed write. So the delivery is unknown if a connection ends
before the response head. Over HTTP/2, the cause of their exception is one of httpcore or httpcore2,
with the frame of the server.
"""

from types import ModuleType
from typing import Protocol, cast

from connectrpc_client._transports.delivery import Delivery

_REFUSED_STREAM = 7  # RFC 9113, section 7

# How the texts begin that httpcore has for a connection that the server ended. The same exception
# with another text is about a malformed response.
_ENDED = "Server disconnected"


class _StreamReset(Protocol):
    error_code: int | None


class _ConnectionTerminated(Protocol):
    last_stream_id: int | None


def delivery_of(library: ModuleType, exc: Exception, *, may_reuse: bool) -> Delivery | None:
    """Return how far a request came. `None` means that it must not be sent again.

    `may_reuse` says whether its connection may have had earlier calls.
    """
    if isinstance(exc, library.ConnectError):
        return Delivery.NOT_PROCESSED
    unknown = Delivery.UNKNOWN if may_reuse else None
    if isinstance(exc, library.NetworkError | library.StreamConsumed):
        # Libraries take a body twice if the server refused it by GOAWAY, but also after redirects.
        return unknown
    if not isinstance(exc, library.RemoteProtocolError):
        return None
    frame = _frame_of(exc)
    if hasattr(frame, "last_stream_id"):
        # The server did not process streams above the last one (RFC 9113, section 6.8). httpcore
        # sends those again by itself, unless the last one is 0.
        terminated = cast("_ConnectionTerminated", frame)
        return Delivery.NOT_PROCESSED if terminated.last_stream_id == 0 else unknown
    if hasattr(frame, "error_code"):
        reset = cast("_StreamReset", frame)
        return Delivery.NOT_PROCESSED if reset.error_code == _REFUSED_STREAM else None
    return unknown if str(exc).startswith(_ENDED) else None


def _frame_of(exc: Exception) -> object:
    """Return the event of h2 for the frame that ended the stream or the connection, if any did."""
    cause = exc.__cause__
    return cause.args[0] if cause is not None and cause.args else None
