"""Reading pyqwest's responses, for the async and the sync transport."""

import pyqwest

from connectrpc_protocol import RawHeaders


def raw_headers(headers: pyqwest.Headers) -> RawHeaders:
    """Return headers or trailers as pairs of bytes."""
    return [(name.encode(), value.encode()) for name, value in headers.items()]


def body_length(response: pyqwest.Response | pyqwest.SyncResponse) -> int:
    """Return the length of a body that ends with its last byte, or -1 if its end must be awaited.

    Over HTTP/1.1 nothing follows a body with a length (RFC 9112, section 6.3). Each wait goes
    through pyqwest's threads, and the wait for the end takes a fifth of the time of a small call.
    """
    if response.http_version is not pyqwest.HTTPVersion.HTTP1:
        return -1
    try:
        return int(response.headers.get("content-length", "-1"))
    except ValueError:
        return -1
