"""Cancelling a part of a task: at a deadline, or when the client disconnects.

Only this module, `read_ahead`, `stepping` and `lifespan` import asyncio. The other modules of the
package only await objects that they get.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import TypeAlias, TypeVar

from connectrpc_protocol.deadline import deadline_exceeded
from connectrpc_server._limits import DEADLINE_ROUNDING

T = TypeVar("T")

Cancelled: TypeAlias = asyncio.CancelledError


class CancelScope:
    """A context manager that cancels its body at the deadline, or when `cancel` is called.

    The body sees an ordinary cancellation. At its end, the cancellation becomes the exception that
    is its reason: `deadline_exceeded`, or the exception that was passed to `cancel`.

    A cancellation of the task by other code passes through unchanged, as with `asyncio.timeout`. If
    the task was not cancelled at all, a `CancelledError` comes from something that the body
    awaited, and becomes a `RuntimeError`.

    `reason` is the exception once the scope was cancelled, else `None`.
    """

    __slots__ = ("_cancelling", "_deadline", "_has_exited", "_task", "_timer", "reason")

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._has_exited = False
        self.reason: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "CancelScope":
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call must run in an asyncio task")
        self._task = task
        self._cancelling = task.cancelling()
        if self._deadline is not None:
            delay = max(0.0, self._deadline - time.monotonic()) + DEADLINE_ROUNDING
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay, self.cancel, deadline_exceeded())
        return self

    def cancel(self, reason: Exception) -> None:
        """Cancel the body for this reason. Does nothing if it was cancelled or has ended."""
        if self.reason is None and not self._has_exited:
            self.reason = reason
            self._task.cancel()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._has_exited = True
        if self._timer is not None:
            self._timer.cancel()
        is_cancelled = exc_type is not None and issubclass(exc_type, asyncio.CancelledError)
        if self.reason is not None:
            if self._task.uncancel() <= self._cancelling and is_cancelled:
                raise self.reason from exc
        elif is_cancelled and self._task.cancelling() <= self._cancelling:
            raise RuntimeError("something that the call waited for was cancelled") from exc


@asynccontextmanager
async def move_on_after(seconds: float | None) -> AsyncGenerator[Callable[[float], None], None]:
    """End the body without an error after this number of seconds; `None` for no limit.

    The body gets a function that limits its next step to a shorter time, from now on. `seconds`
    still limits the whole body. After the body, the function does nothing.
    """
    loop = asyncio.get_running_loop()
    end = None if seconds is None else loop.time() + seconds
    has_ended = False
    with suppress(TimeoutError):
        async with asyncio.timeout_at(end) as timeout:

            def limit_next(pause: float) -> None:
                if not has_ended and not timeout.expired():
                    next_end = loop.time() + pause
                    timeout.reschedule(next_end if end is None else min(end, next_end))

            try:
                yield limit_next
            finally:
                has_ended = True


def shielded(awaitable: Awaitable[T]) -> Awaitable[T]:
    """Protect a future of asyncio from the cancellation of the task that awaits it.

    `server_quirks` says why the events of a server need that. If the task was cancelled, a later
    exception of the future is about a client that has disconnected, and is ignored.
    """
    if not isinstance(awaitable, asyncio.Future):
        return awaitable
    awaitable.add_done_callback(_retrieve_exception)
    return asyncio.shield(awaitable)


def _retrieve_exception(future: asyncio.Future[T]) -> None:
    # asyncio logs an exception that was never retrieved.
    if not future.cancelled():
        future.exception()
