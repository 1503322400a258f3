"""The differences between ASGI servers. No other ASGI module knows a server by its name."""

from connectrpc_server import _drain
from connectrpc_server._asgi.cancel_scope import Cancelled, shielded
from connectrpc_server._asgi.types import Event, Receive, Scope
from connectrpc_server._limits import FATAL_DRAIN_PAUSE

SERVERS_WITH_TRAILERS = "uvicorn --http zttp --http2, Hypercorn or pyvoy"
"""The servers that send HTTP trailers over HTTP/2, as an error text names them."""


def has_trailers(scope: Scope) -> bool:
    """Return whether the server sends HTTP trailers (ASGI, "HTTP Trailers").

    Hypercorn (0.18) announces them over HTTP/3, too. But over HTTP/3 it cannot end a stream after
    trailers, and clients wait for that end.
    """
    if "http.response.trailers" not in (scope.get("extensions") or ()):
        return False
    return not (_is_hypercorn(scope) and scope.get("http_version") == "3")


def deliver_empty_body(scope: Scope, receive: Receive) -> Receive:
    """Return the `receive` of a request over HTTP/2 that also delivers an empty body.

    If a request ended with its headers, uvicorn (0.54, `--http zttp`) never delivers an event for
    its body. Hypercorn does, and its event must be received; see `must_see_end`.
    """
    if (b"content-length", b"0") not in scope["headers"] or _is_hypercorn(scope):
        return receive
    empty: list[Event] = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive_empty() -> Event:
        return empty.pop() if empty else await shielded(receive())

    return receive_empty


def must_see_end(scope: Scope) -> bool:
    """Return whether the end of a request without a body must be received before the response ends.

    That end may come after the headers. If the response ends first, Hypercorn ends the connection;
    see `must_drain`.
    """
    return _is_hypercorn(scope)


def must_drain(scope: Scope) -> bool:
    """Return whether the rest of the request is read before the response ends.

    Besides the rule of `_drain.must_drain`:

    - Hypercorn (0.18) ends the whole connection if data arrives for a stream whose response has
      ended.
    - A client that stops sending when it sees an error makes a request of a known length malformed.
      pyvoy (1.3) then resets the stream before the response has ended. A client sends such a
      request without waiting for the response, so it is read on every server.
    """
    version: str = scope.get("http_version", "1.1")
    return _drain.must_drain(version) or _is_hypercorn(scope) or _has_length(scope)


def drain_pause(scope: Scope, pause: float) -> float:
    """Return how long a drain waits for the next piece of the request, in seconds.

    On Hypercorn a late piece costs all calls of the connection; see `must_drain`. The deadline of
    the call still ends the drain: a client that stalled until then seldom sends more.
    """
    return max(pause, FATAL_DRAIN_PAUSE) if _is_hypercorn(scope) else pause


def logs_cancellation(exc: Cancelled) -> bool:
    """Return whether the server logs its own cancellation of a call as an exception of the call.

    uvicorn (0.54) does, with a traceback. It has a message for the tasks that it cancels at the end
    of its graceful shutdown. Such a call ends as if it had not been cancelled.
    """
    return bool(exc.args) and "graceful shutdown" in str(exc.args[0])


# The differences between servers are also the reason for four rules in other modules:
#
# - `receive` and `send` are `shielded` from the cancellation of the task that awaits them. pyvoy
#   (1.3) returns a future and sets its result from another thread, and logs a traceback if the
#   future was cancelled. Other servers return coroutines, which have to end with their task.
#   granian returns futures of a type of its own, which may be cancelled.
# - `ReadAhead` asks again after the end of the request. pyvoy (1.3) repeats that end until the
#   client disconnects; other servers wait for the disconnect.
# - A stream of requests is read ahead from its start. A handler may stop waiting for a request and
#   try again later, and the `receive` of pyvoy (1.3) cannot be called again after a cancellation.
# - A response is sent after the drain, never during it. A client that sees an error in a message
#   stops sending its request, which Hypercorn takes for a broken connection.


def _has_length(scope: Scope) -> bool:
    return any(name == b"content-length" for name, _ in scope["headers"])


def _is_hypercorn(scope: Scope) -> bool:
    # A scope does not contain the name of the server. Of the servers with HTTP/2, only Hypercorn
    # has this version of the specification.
    return bool(scope.get("asgi", {}).get("spec_version") == "2.1")
