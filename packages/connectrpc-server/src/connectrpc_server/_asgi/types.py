"""The parts of ASGI 3.0 that are used here."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

# The specification does not give types to the values. The code checks them where it reads them.
Scope: TypeAlias = MutableMapping[str, Any]
Event: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Event]]
Send: TypeAlias = Callable[[Event], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
