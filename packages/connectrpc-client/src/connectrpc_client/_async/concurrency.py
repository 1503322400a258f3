"""What is specific to asyncio: deadlines, waiting for a condition, work beside the caller."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from types import TracebackType

from connectrpc_protocol import ConnectError
from connectrpc_protocol.deadline import check_late, deadline_exceeded

Cancelled = asyncio.CancelledError


class TimeLimit:
    """Ends what is awaited inside at the deadline, with `deadline_exceeded`.

    Cancellation from elsewhere passes through, as with `asyncio.timeout`.
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


class Changes:
    """Wakes those who wait until something holds."""

    __slots__ = ("_waiters",)

    def __init__(self) -> None:
        self._waiters: set[asyncio.Future[None]] = set()

    def notify(self) -> None:
        """Something has changed."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the condition holds."""
        while not condition():
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.add(waiter)
            try:
                await waiter
            finally:
                self._waiters.discard(waiter)


class Background:
    """A coroutine that runs beside the one that started it."""

    __slots__ = ("_task",)

    def __init__(self, coroutine: Coroutine[object, object, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(coroutine)

    def cancel(self) -> None:
        """Have it end; nothing where it has ended."""
        self._task.cancel()

    async def wait(self) -> None:
        """Wait until it is over."""
        await asyncio.wait([self._task])
