"""The async client's uses of asyncio: a time limit, a condition, a task beside the caller."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from types import TracebackType

from connectrpc_protocol import ConnectError
from connectrpc_protocol.deadline import check_late, deadline_exceeded

Cancelled = asyncio.CancelledError


class TimeLimit:
    """Ends a wait inside it at the deadline, with `deadline_exceeded`.

    If a `ConnectError` is only the effect of a deadline that has passed, `deadline_exceeded`
    replaces it. Like `asyncio.timeout`, this lets a cancellation from elsewhere pass through.
    """

    __slots__ = ("_deadline", "_timeout")

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._timeout: asyncio.Timeout | None = None

    async def __aenter__(self) -> None:
        if self._deadline is not None:
            self._timeout = asyncio.timeout(max(0.0, self._deadline - time.monotonic()))
            await self._timeout.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timeout is not None:
            try:
                await self._timeout.__aexit__(exc_type, exc, traceback)
            except TimeoutError as timeout:
                raise deadline_exceeded() from timeout
        if isinstance(exc, ConnectError):
            check_late(exc, self._deadline)


class Condition:
    """`threading.Condition` for the tasks of one event loop, which do not need a lock."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify_all(self) -> None:
        """Let all waiting tasks check their predicates again."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Wait until the predicate is true."""
        while not predicate():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


class Task:
    """A coroutine that runs beside the one that started it. Its outcome is not reported here."""

    __slots__ = ("_task",)

    def __init__(self, coroutine: Coroutine[object, object, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(coroutine)

    def cancel(self) -> None:
        """Cancel it; does nothing if it has ended."""
        self._task.cancel()

    async def wait(self) -> None:
        """Wait until it has ended."""
        await asyncio.wait([self._task])
