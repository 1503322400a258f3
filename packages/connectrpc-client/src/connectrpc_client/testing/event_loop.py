"""All code of `connectrpc_client.testing` that uses asyncio: waits, tasks, a loop in a thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from typing import TypeVar

from connectrpc_client.testing.exchange import GRACE_PERIOD
from connectrpc_client.testing.waiting import PENDING, Monitor, Pending

T = TypeVar("T")
Queue = asyncio.Queue


async def wait(monitor: Monitor, attempt: Callable[[], T | Pending]) -> T:
    """`Monitor.wait` for tasks: repeat the attempt until it does not have to wait."""
    loop = asyncio.get_running_loop()
    while True:
        woken: asyncio.Future[None] = loop.create_future()

        def wake(woken: "asyncio.Future[None]" = woken) -> None:
            loop.call_soon_threadsafe(_settle, woken)

        result = monitor.attempt(attempt, wake)
        if result is not PENDING:
            return result
        try:
            await woken
        finally:
            monitor.forget(wake)


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


class Tasks:
    """Tasks of one event loop, which end together."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(
        self, coroutine: Coroutine[object, object, None], context: Context | None = None
    ) -> None:
        """Run a coroutine in a task, in the given context or in a copy of the current one."""
        task = asyncio.create_task(coroutine, context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def end(self, grace_period: float = 0.0) -> None:
        """Wait until all tasks are done; cancel those that take longer than `grace_period` seconds.

        A task that ignores its cancellation for `GRACE_PERIOD` seconds is left running. The task
        that calls `end` is not cancelled, and `end` does not wait for it.
        """
        tasks = {task for task in self._tasks if task is not asyncio.current_task()}
        if tasks and grace_period:
            _, tasks = await asyncio.wait(tasks, timeout=grace_period)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE_PERIOD)


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
        """Have a function called in the loop, without waiting for it."""
        self._loop.call_soon_threadsafe(function)

    def run(self, function: Callable[[], Awaitable[T]]) -> T:
        """Run a coroutine in the loop, and return its result."""

        async def run() -> T:
            return await function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def close(self) -> None:
        """Cancel the tasks that still run, and end the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()


async def run_in_thread(function: Callable[[], None]) -> None:
    """Call a function that blocks."""
    await asyncio.to_thread(function)
