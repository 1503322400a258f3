"""What ASGI servers do differently, as far as it concerns calls."""

from connectrpc_server._asgi.cancel_scope import uncancelled
from connectrpc_server._asgi.types import Event, Receive, Scope


def has_trailers(scope: Scope) -> bool:
    """Whether the server sends HTTP trailers (ASGI, "HTTP Trailers").

    Hypercorn (0.18) promises them over HTTP/3, too, but cannot end a stream after them, and clients
    wait for that end.
    """
    if "http.response.trailers" not in (scope.get("extensions") or ()):
        return False
    return not (is_hypercorn(scope) and scope.get("http_version") == "3")


def checked(scope: Scope, receive: Receive) -> Receive:
    """What receives the events of a request over HTTP/2 or 3 without waiting for what never comes.

    uvicorn leaves an application waiting for the body of a request that ended with its headers
    (0.54, `--http zttp`). Hypercorn does not, and there the true end must be seen; see `may_drop`.
    """
    if (b"content-length", b"0") not in scope["headers"] or is_hypercorn(scope):
        return receive
    empty: list[Event] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive_empty() -> Event:
        return empty.pop() if empty else await uncancelled(receive())

    return receive_empty


def awaits_end(scope: Scope) -> bool:
    """Whether even the end of a request without a body must be seen before the answer ends.

    It may come after the head, and where the answer was faster, Hypercorn ends the connection; see
    `may_drop`.
    """
    return is_hypercorn(scope)


def may_drop(scope: Scope) -> bool:
    """Whether the server may drop an answer that ends before its request does.

    Over HTTP/1.1 a server may end the connection, on which the client then fails to write and
    never reads the answer (RFC 9112, section 9.3). In HTTP/2 and 3 a server resets the one stream
    instead, after the answer (RFC 9113, section 8.1), but for Hypercorn (0.18), where data for a
    stream that is answered ends the whole connection. And a client that breaks off a request of a
    known length when it sees an error makes the request malformed, for which pyvoy (1.3) resets the
    stream before the answer has ended; so on every server such a request, which waits for nothing,
    is read.
    """
    version: str = scope.get("http_version", "1.1")
    return version.startswith("1") or is_hypercorn(scope) or _has_length(scope)


def _has_length(scope: Scope) -> bool:
    return any(name == b"content-length" for name, _ in scope["headers"])


def is_hypercorn(scope: Scope) -> bool:
    """A server does not say its name; of those with HTTP/2 this one alone has that old version."""
    return bool(scope.get("asgi", {}).get("spec_version") == "2.1")
