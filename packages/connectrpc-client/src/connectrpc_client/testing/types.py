"""The parts of ASGI 3.0 that are used here; those of WSGI are in `wsgiref.types`."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

# The specification leaves values untyped; each use narrows what it reads.
Scope: TypeAlias = MutableMapping[str, Any]
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
