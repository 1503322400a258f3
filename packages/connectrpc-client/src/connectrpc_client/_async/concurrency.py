"""The async client's uses of asyncio: limits of waits, a condition, a task beside the caller."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Protocol
from weakref import WeakKeyDictionary

from connectrpc_client._cancellation import Closing, client_closed
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


async def run_within(deadline: float | None, coroutine: Coroutine[object, object, None]) -> None:
    """Run a coroutine in this task within a `TimeLimit`."""
    async with TimeLimit(deadline):
        await coroutine


class Wait:
    """A wait, which may be repeated, that `cut` ends with `canceled`: the client was closed.

    Like `asyncio.timeout`, this lets a cancellation from elsewhere pass through.
    """

    __slots__ = ("_cancelling", "_is_cut", "_task", "is_inside")

    _task: "asyncio.Task[object]"

    def __init__(self) -> None:
        self._is_cut = False
        self.is_inside = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling = task.cancelling()
        self.is_inside = True

    def cut(self) -> None:
        """End the wait, if it has begun. The thread must be that of its event loop."""
        if self.is_inside and not self._is_cut:
            self._is_cut = True
            self._task.cancel()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.is_inside = False
        if self._is_cut:
            is_ours = self._task.uncancel() <= self._cancelling
            if isinstance(exc, ConnectError) or (is_ours and isinstance(exc, Cancelled)):
                raise client_closed() from exc


class UntilClosed(Wait):
    """A wait that ends when the client is closed. It does not begin if the client is closed."""

    __slots__ = ("_closing", "_key")

    def __init__(self, closing: Closing) -> None:
        super().__init__()
        self._closing = closing

    def __enter__(self) -> None:
        super().__enter__()
        self._key = self._closing.add(self._client_closed)

    def _client_closed(self) -> None:
        loop = self._task.get_loop()
        if loop is asyncio.get_running_loop():
            self.cut()
        else:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(self.cut)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.remove(self._key)
        super().__exit__(exc_type, exc, traceback)


class Stream(Protocol):
    """A stream that ends when its client is closed."""

    async def client_closed(self) -> None:
        """End the stream, and the wait of a task in it. Runs in the event loop of the stream."""
        ...


class OpenStreams:
    """The streams of a client whose responses are open. It does not keep them in memory."""

    __slots__ = ("_loops",)

    def __init__(self) -> None:
        self._loops: WeakKeyDictionary[Stream, asyncio.AbstractEventLoop] = WeakKeyDictionary()

    def add(self, stream: Stream) -> None:
        self._loops[stream] = asyncio.get_running_loop()

    def discard(self, stream: Stream) -> None:
        self._loops.pop(stream, None)

    async def close(self) -> None:
        """End the streams. Those of other event loops end a little later."""
        running = asyncio.get_running_loop()
        async with AsyncExitStack() as stack:  # ends every stream, even if one of them raises
            for stream, loop in list(self._loops.items()):
                if loop is running:
                    stack.push_async_callback(stream.client_closed)
                else:
                    with suppress(RuntimeError):  # the loop is closed
                        loop.call_soon_threadsafe(_start, loop, stream.client_closed)


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


async def pause() -> None:
    """Let the other tasks that are ready run first."""
    await asyncio.sleep(0)


class EventLoop:
    """The running event loop, for finalizers, which may run in any thread."""

    __slots__ = ("_loop",)

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def run_later(self, function: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run a coroutine function in a task, unless the loop is closed."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(_start, self._loop, function)


_tasks: set[asyncio.Task[None]] = set()  # the event loop itself does not keep its tasks


def _start(
    loop: asyncio.AbstractEventLoop, function: Callable[[], Coroutine[object, object, None]]
) -> None:
    task = loop.create_task(function())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
