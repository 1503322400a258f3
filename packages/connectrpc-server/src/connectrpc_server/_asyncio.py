"""What is specific to asyncio: ending a handler at its deadline or when its client goes away.

Everything else in this package awaits only what it was given.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine, Generator
from types import TracebackType
from typing import ParamSpec, TypeVar

from connectrpc_protocol import ConnectError
from connectrpc_protocol.deadline import deadline_exceeded
from connectrpc_server._disconnect import ClientDisconnected

P = ParamSpec("P")
T = TypeVar("T")

# A client sends what remains in whole milliseconds, cut off: its own time ends up to one later than
# ours. An answer that arrives in the very moment in which the client gives up may be read by half;
# so much later (one more for coarse timers) the client has given up for certain.
_ROUNDING = 0.002


async def checkpoint() -> None:
    """Let other tasks run, such as the one that waits for the client to disconnect."""
    await asyncio.sleep(0)


class CallScope:
    """Cancels the task that entered it at the deadline, or when `watch` sees a disconnect.

    The body sees an ordinary cancellation; outside it has become the `ConnectError` that says why.
    Cancellation from elsewhere passes through untouched, as with `asyncio.timeout`.
    """

    __slots__ = ("_cancelling", "_deadline", "_reason", "_task", "_timer", "_watcher")

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._reason: ConnectError | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "CallScope":
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a call runs inside an asyncio task")
        self._task = task
        self._cancelling = task.cancelling()
        if self._deadline is not None:
            delay = max(0.0, self._deadline - time.monotonic()) + _ROUNDING
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(delay, self._end, deadline_exceeded())
        return self

    def watch(self, disconnected: Callable[[], Awaitable[None]]) -> None:
        """From now on end the call once `disconnected()` returns."""
        if self._watcher is None:
            self._watcher = asyncio.ensure_future(self._watch(disconnected))

    async def _watch(self, disconnected: Callable[[], Awaitable[None]]) -> None:
        await disconnected()
        self._end(ClientDisconnected())

    def _end(self, reason: ConnectError) -> None:
        if self._reason is None:
            self._reason = reason
            self._task.cancel()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        if self._reason is None:
            return
        is_ours = self._task.uncancel() <= self._cancelling
        if is_ours and exc_type is not None and issubclass(exc_type, asyncio.CancelledError):
            raise self._reason from exc


class Resumed(Awaitable[T]):
    """The rest of a coroutine that was run up to its first suspension by hand.

    So a handler that never suspends costs no task to watch its client.
    """

    __slots__ = ("_coroutine", "_first")

    def __init__(self, coroutine: Coroutine[object, object, T], first: object) -> None:
        self._coroutine = coroutine
        self._first = first

    def __await__(self) -> Generator[object, object, T]:
        coroutine, waited = self._coroutine, self._first
        try:
            while True:
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


def as_coroutine_function(
    function: Callable[P, Awaitable[T]],
) -> Callable[P, Coroutine[object, object, T]]:
    """The function, or one around it where it returns another awaitable than a coroutine."""
    if inspect.iscoroutinefunction(function):
        return function

    async def call(*args: P.args, **kwargs: P.kwargs) -> T:
        return await function(*args, **kwargs)

    return call
