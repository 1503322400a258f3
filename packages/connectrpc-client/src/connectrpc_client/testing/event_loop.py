"""What is specific to asyncio; nothing else in this package imports it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import TypeVar

from connectrpc_client.testing.exchange import PATIENCE
from connectrpc_client.testing.waiting import PENDING, Pending, Signal

T = TypeVar("T")
Queue = asyncio.Queue


async def wait(signal: Signal, attempt: Callable[[], T | Pending]) -> T:
    """`Signal.wait` for tasks: try until it need not wait."""
    loop = asyncio.get_running_loop()
    while True:
        woken: asyncio.Future[None] = loop.create_future()

        def wake(woken: "asyncio.Future[None]" = woken) -> None:
            loop.call_soon_threadsafe(_settle, woken)

        result = signal.attempt(attempt, wake)
        if result is not PENDING:
            return result
        try:
            await woken
        finally:
            signal.forget(wake)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class Tasks:
    """Tasks of one event loop that somebody will end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, coroutine: Coroutine[object, object, None], context: Context | None = None
    ) -> None:
        """Run a coroutine in a task, in that context or in a copy of the present one."""
        task = asyncio.create_task(coroutine, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self, patience: float = 0.0) -> None:
        """Wait until all are done; cancel those that take longer than so many seconds.

        One that resists its cancellation for long is left alone, as is the one that calls this.
        """
        tasks = {task for task in self._tasks if task is not asyncio.current_task()}
        if tasks and patience:
            _, tasks = await asyncio.wait(tasks, timeout=patience)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=PATIENCE)


class BackgroundLoop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._is_ready = threading.Event()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(),), daemon=True)
        self._thread.start()
        self._is_ready.wait()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._is_ready.set()
        await self._stop.wait()

    def call(self, function: Callable[[], object]) -> None:
        """Call a function in the loop, soon."""
        self._loop.call_soon_threadsafe(function)

    def run(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine in the loop and wait for what it returns."""

        async def run() -> T:
            return await function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def close(self) -> None:
        """Cancel what still runs, and end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


async def in_thread(function: Callable[[], None]) -> None:
    """Call a function that blocks."""
    await asyncio.to_thread(function)
