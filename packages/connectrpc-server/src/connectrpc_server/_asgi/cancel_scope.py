"""What is specific to asyncio: waiting for several things at once, and giving up.

Everything else in this package awaits only what it was given.
"""

import asyncio
import inspect
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, suppress
from types import TracebackType
from typing import ParamSpec, TypeVar

from connectrpc_protocol.deadline import deadline_exceeded
from connectrpc_server._asgi.types import Event, Receive
from connectrpc_server._errors import ClientDisconnected

P = ParamSpec("P")
T = TypeVar("T")

# A client sends what remains in whole milliseconds, cut off: its own time ends up to one later than
# ours. An answer that arrives in the very moment in which the client gives up may be read by half;
# so much later (one more for coarse timers) the client has given up for certain.
_ROUNDING = 0.002

# How much of a request may lie here unread.
_AHEAD_BYTES = 64 * 1024
_AHEAD_EVENTS = 16

# How long until a server that repeats the end of the request is asked again whether its client is
# still there. pyvoy (1.3) does so, where others wait for the disconnect.
_REPEAT_SECONDS = 0.2

# How long after its deadline a call may take to write its end.
_WRITE_SECONDS = 5.0


async def checkpoint() -> None:
    """Let other tasks run, such as the one that waits for the client to disconnect."""
    await asyncio.sleep(0)


class CallScope:
    """Cancels the task that entered it at the deadline, or when `end` is called.

    The body sees an ordinary cancellation; outside it has become the exception that says why.
    Cancellation from elsewhere passes through untouched, as with `asyncio.timeout`. One that
    nobody asked this task for comes out of something that the body awaited, and is an error of it.

    `reason` is that exception, once there is one.
    """

    __slots__ = ("_cancelling", "_deadline", "_is_over", "_task", "_timer", "reason")

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._is_over = False
        self.reason: Exception | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> "CallScope":
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call runs inside an asyncio task")
        self._task = task
        self._cancelling = task.cancelling()
        if self._deadline is not None:
            delay = max(0.0, self._deadline - time.monotonic()) + _ROUNDING
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay, self.end, deadline_exceeded())
        return self

    def end(self, reason: Exception) -> None:
        """End the body for this reason; without effect once it has ended."""
        if self.reason is None and not self._is_over:
            self.reason = reason
            self._task.cancel()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        is_cancelled = exc_type is not None and issubclass(exc_type, asyncio.CancelledError)
        if self.reason is not None:
            if self._task.uncancel() <= self._cancelling and is_cancelled:
                raise self.reason from exc
        elif is_cancelled and self._task.cancelling() <= self._cancelling:
            raise RuntimeError("something that the call waited for was cancelled") from exc


class Resumed(Awaitable[T]):
    """The rest of a coroutine that was run up to its first suspension by hand.

    So what never suspends costs no task and no timer. `on_wait` is called at each suspension.
    """

    __slots__ = ("_coroutine", "_first", "_on_wait")

    def __init__(
        self,
        coroutine: Coroutine[object, object, T],
        first: object,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        self._coroutine = coroutine
        self._first = first
        self._on_wait = on_wait

    def __await__(self) -> Generator[object, object, T]:
        coroutine, waited, on_wait = self._coroutine, self._first, self._on_wait
        try:
            while True:
                if on_wait is not None:
                    on_wait()
                try:
                    value = yield waited
                except GeneratorExit:
                    coroutine.close()
                    raise
                except BaseException as exc:
                    waited = coroutine.throw(exc)
                else:
                    waited = coroutine.send(value)
        except StopIteration as done:
            result: T = done.value
            return result


async def observed(coroutine: Coroutine[object, object, T], on_wait: Callable[[], None]) -> T:
    """Run a coroutine in this task; `on_wait` is called whenever it is about to wait."""
    try:
        first = coroutine.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    return await Resumed(coroutine, first, on_wait)


async def write_by(deadline: float | None, writing: Coroutine[object, object, None]) -> None:
    """Write what ends an answer, and give up a while after the deadline.

    A client that has stopped reading would keep the call for ever. The server sees an answer
    without an end and ends the connection or the stream.
    """
    try:
        first = writing.send(None)
    except StopIteration:
        return
    if deadline is None:
        await Resumed(writing, first)
    else:
        async with patience(max(0.0, deadline - time.monotonic()) + _WRITE_SECONDS):
            await Resumed(writing, first)


def uncancelled(event: Awaitable[Event]) -> Awaitable[Event]:
    """What `receive` of a server returned, for a task that may be cancelled meanwhile.

    pyvoy (1.3) returns a future, fulfils it from a thread of its own, and logs a traceback where
    somebody has cancelled it: so its future is left alone. Coroutines end with who awaits them, and
    so do the futures of granian, which are of a type of their own.
    """
    return asyncio.shield(event) if isinstance(event, asyncio.Future) else event


class ReadAhead:
    """Receives the events of a request in a task of its own, a little ahead of their reader.

    `end` gets the exception that says why nothing more will come, as soon as that is known and
    whether or not somebody reads.
    """

    __slots__ = (
        "_arrived",
        "_end",
        "_events",
        "_is_complete",
        "_is_over",
        "_receive",
        "_size",
        "_task",
    )

    def __init__(self, receive: Receive, end: Callable[[Exception], None]) -> None:
        self._receive = receive
        self._end = end
        self._events: deque[Event] = deque()
        self._size = 0
        self._arrived = asyncio.Event()
        self._is_complete = False
        self._is_over = False
        self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            while self._has_room():
                event = await uncancelled(self._receive())
                if event["type"] == "http.disconnect":
                    raise ClientDisconnected
                if self._is_complete:
                    await asyncio.sleep(_REPEAT_SECONDS)
                    continue
                self._is_complete = not event.get("more_body", False)
                self._size += len(event.get("body", b""))
                self._events.append(event)
                self._arrived.set()
        except Exception as exc:
            self._end(exc)
            self._is_over = True
            self._arrived.set()

    def _has_room(self) -> bool:
        return self._size < _AHEAD_BYTES and len(self._events) < _AHEAD_EVENTS

    async def receive(self) -> Event:
        """The next event, as from the server."""
        while not self._events:
            if self._is_over:
                return {"type": "http.disconnect"}
            self._arrived.clear()
            await self._arrived.wait()
        event = self._events.popleft()
        self._size -= len(event.get("body", b""))
        if self._task.done() and not self._is_over and self._has_room():
            self._task = asyncio.ensure_future(self._run())
        return event

    def close(self) -> None:
        """Stop receiving. Who still reads gets what has come, then a disconnect."""
        self._is_over = True
        self._arrived.set()
        self._task.cancel()


@asynccontextmanager
async def patience(seconds: float) -> AsyncGenerator[Callable[[float], None], None]:
    """Ends its body, silently, after so much time; the yielded function cuts it to a shorter one.

    Each call of that function begins a new time within the whole.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with suppress(TimeoutError):
        async with asyncio.timeout_at(end) as timeout:
            yield lambda pause: timeout.reschedule(min(end, loop.time() + pause))


def as_coroutine_function(
    function: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[object, object, T]]:
    """The function, or one around it where it returns another awaitable than a coroutine."""
    if inspect.iscoroutinefunction(function):
        return function

    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await function(*args, **kwargs)

    return call
