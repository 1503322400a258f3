"""Running coroutines step by step, so that the work for a call that waits starts only then.

Most handlers never wait. Until a handler suspends, its call does not need a task, a timer, or a
watch for a disconnect.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator
from functools import partial
from typing import TypeAlias

from connectrpc_server._asgi.cancel_scope import CancelScope, move_on_after
from connectrpc_server._errors import ClientDisconnected
from connectrpc_server._limits import DISCONNECTED_GRACE_PERIOD

Watch: TypeAlias = Callable[[Callable[[Exception], None]], None]
"""A function that makes a call notice a disconnect; see `AsgiRequest.watch`."""

FINISHED = object()
"""The default of `next(coroutine.__await__(), FINISHED)`: the coroutine ended in its first step.

Any other result is the object that the coroutine waits for; it is passed to `Resumption`. A
coroutine that is run like this must return `None`. Another return value would arrive in a
`StopIteration`, which would take time to raise and to catch in every call.
"""


async def checkpoint() -> None:
    """Let other tasks run, such as the one that waits for the client to disconnect."""
    await asyncio.sleep(0)


class Resumption(Awaitable[None]):
    """The rest of a coroutine after its first step. Calls `on_wait` at each suspension."""

    __slots__ = ("_coroutine", "_on_wait", "_waits_for")

    def __init__(
        self,
        coroutine: Coroutine[object, object, None],
        waits_for: object,
        on_wait: Callable[[], None] | None = None,
    ) -> None:
        self._coroutine = coroutine
        self._waits_for = waits_for
        self._on_wait = on_wait

    def __await__(self) -> Generator[object, object, None]:
        coroutine, waits_for, on_wait = self._coroutine, self._waits_for, self._on_wait
        try:
            while True:
                if on_wait is not None:
                    on_wait()
                try:
                    value = yield waits_for
                except GeneratorExit:
                    coroutine.close()
                    raise
                except BaseException as exc:
                    waits_for = coroutine.throw(exc)
                else:
                    waits_for = coroutine.send(value)
        except StopIteration:
            pass


async def run_stepwise(
    coroutine: Coroutine[object, object, None], on_wait: Callable[[], None]
) -> None:
    """Run a coroutine in this task. Calls `on_wait` whenever it is about to wait."""
    waits_for = next(coroutine.__await__(), FINISHED)
    if waits_for is not FINISHED:
        await Resumption(coroutine, waits_for, on_wait)


async def run_within(
    deadline: float | None,
    coroutine: Coroutine[object, object, None],
    watch: Watch | None = None,
) -> None:
    """Run a coroutine in this task, until the deadline or a disconnect that `watch` notices.

    Both begin to count when the coroutine waits for the first time.
    """
    waits_for = next(coroutine.__await__(), FINISHED)
    if waits_for is FINISHED:
        return
    async with CancelScope(deadline) as cancel_scope:
        on_wait = None if watch is None else partial(watch, cancel_scope.cancel)
        await Resumption(coroutine, waits_for, on_wait)


async def write_rest(
    writing: Coroutine[object, object, None],
    waits_for: object,
    seconds: float | None,
    watch: Watch,
) -> None:
    """Write the rest of the end of a response, but do not wait for the client without a limit.

    The call gives up after this number of seconds, and soon after the client has disconnected. The
    server then has a response that does not end, and ends the connection or the stream.
    """
    async with move_on_after(seconds) as limit_next:

        def on_failure(reason: Exception) -> None:
            if isinstance(reason, ClientDisconnected):
                limit_next(DISCONNECTED_GRACE_PERIOD)

        await Resumption(writing, waits_for, lambda: watch(on_failure))
