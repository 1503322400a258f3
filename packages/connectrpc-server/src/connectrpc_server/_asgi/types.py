"""The parts of ASGI 3.0 and WSGI (PEP 3333) that are used here."""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from types import TracebackType
from typing import Any, Protocol, TypeAlias

# The specifications leave values untyped; each use narrows what it reads.
Scope: TypeAlias = MutableMapping[str, Any]
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

Environ: TypeAlias = dict[str, Any]
ExcInfo: TypeAlias = (
    tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
)


SEND_TRAILERS = "wsgi.ext.http.send_trailers"
"""Where a WSGI server that can send HTTP trailers has the callable that does, such as pyvoy.

It takes pairs of strings, once, and ends the answer.
"""


class StartResponse(Protocol):
    """The callable that a WSGI server passes to begin the answer."""

    def __call__(
        self,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: ExcInfo | None = None,
        /,
    ) -> Callable[[bytes], object]: ...


WSGIApp: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]
