"""A background event loop, on which a sync call uses an async transport: any wait there can end.

The thread of the loop is a daemon, which does not keep the interpreter from exiting.
"""

import asyncio
import atexit
import threading
from collections.abc import AsyncGenerator, Iterator
from contextvars import Context, copy_context
from queue import SimpleQueue

from connectrpc_client import _fork
from connectrpc_client._cancellation import canceled
from connectrpc_client._first_value import FirstValue
from connectrpc_client._transports.interface import Transport, TransportResponse
from connectrpc_client._transports.interruptible.response_pipe import (
    ResponseEnd,
    ResponseHead,
    ResponsePipe,
)
from connectrpc_client._transports.interruptible.worker_thread import run_in_worker_thread
from connectrpc_protocol.closing import aclose_iterator, close_iterator
from connectrpc_protocol.http import HttpRequest

# Seconds for the calls in flight to end when the interpreter exits. Resetting streams takes
# milliseconds; a longer wait would only delay the exit.
_EXIT_GRACE_PERIOD = 1.0

_running: FirstValue[asyncio.AbstractEventLoop] = FirstValue()


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the background event loop. It runs until the process ends."""
    return _running.value or _start()


def is_inside_background_loop() -> bool:
    """Return whether the background event loop runs this code, such as a finalizer."""
    try:
        return asyncio.get_running_loop() is _running.value
    except RuntimeError:
        return False


def _start() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="connectrpc_client loop", daemon=True)
    thread.start()  # before others see the loop, so that they never wait for one that does not run
    kept = _running.keep(loop)
    if kept is loop:
        atexit.register(_end, loop, thread)
    else:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
    return kept


_fork.call_in_child(_running.take)


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """End the calls in flight before the interpreter exits, so that servers see their end."""
    if thread.is_alive():  # false in a forked process
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).add_done_callback(
            lambda _: loop.call_soon_threadsafe(loop.stop)
        )
        thread.join(_EXIT_GRACE_PERIOD)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_EXIT_GRACE_PERIOD)


class EventLoopReceiver:
    """Receives a response in a task of the background event loop."""

    __slots__ = (
        *("_body", "_context", "_deadline", "_has_room", "_loop"),
        *("_request", "_task", "_transport"),
    )

    def __init__(
        self,
        transport: Transport,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        deadline: float | None,
    ) -> None:
        self._transport = transport
        self._request = request
        self._body = body
        self._deadline = deadline
        self._context = copy_context()
        self._loop = background_loop()
        self._has_room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, pipe: ResponsePipe) -> None:
        """See `Receiver`."""
        self._loop.call_soon_threadsafe(self._start, pipe)

    def stop(self) -> None:
        """See `Receiver`."""
        self._loop.call_soon_threadsafe(self._stop)

    def _start(self, pipe: ResponsePipe) -> None:
        self._task = self._loop.create_task(self._receive(pipe))

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _receive(self, pipe: ResponsePipe) -> None:
        body = None if self._body is None else _iterate_in_thread(self._body, self._context)
        try:
            response = await self._transport.send(self._request, body, self._deadline)
            try:
                await self._read(response, pipe)
            finally:
                await response.aclose()
        except asyncio.CancelledError:
            pipe.put(canceled())  # this task was cancelled, which the reader sees as `canceled`
        except BaseException as exc:
            pipe.put(exc)

    async def _read(self, response: TransportResponse, pipe: ResponsePipe) -> None:
        pipe.put(ResponseHead(response.status, response.headers))
        chunks = response.chunks()
        try:
            async for chunk in chunks:
                pipe.put(chunk)
                if pipe.is_nearly_full:
                    await self._wait_for_room(pipe)
        finally:
            await aclose_iterator(chunks)
        pipe.put(ResponseEnd(response.trailers))

    async def _wait_for_room(self, pipe: ResponsePipe) -> None:
        self._has_room.clear()
        if pipe.is_full(self._set_has_room):
            await self._has_room.wait()

    def _set_has_room(self) -> None:
        self._loop.call_soon_threadsafe(self._has_room.set)


async def _iterate_in_thread(
    iterator: Iterator[bytes], context: Context
) -> AsyncGenerator[bytes, None]:
    """Yield the items of an iterator that may block. A thread takes each one when it is wanted."""
    threaded = _ThreadedIterator(iterator, asyncio.get_running_loop())
    run_in_worker_thread(lambda: context.run(threaded.run))
    try:
        while (item := await threaded.next()) is not None:
            yield item
    finally:
        threaded.stop()


class _ThreadedIterator:
    """An iterator that runs in a worker thread, for a consumer in an event loop."""

    def __init__(self, iterator: Iterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._iterator = iterator
        self._loop = loop
        self._wanted: SimpleQueue[asyncio.Future[bytes | None] | None] = SimpleQueue()

    async def next(self) -> bytes | None:
        """Return the next item, or `None` after the last one."""
        future: asyncio.Future[bytes | None] = self._loop.create_future()
        self._wanted.put(future)
        return await future

    def stop(self) -> None:
        """Ask for no more items, and have the iterator closed after its current step."""
        self._wanted.put(None)

    def run(self) -> None:
        """In the worker thread, take items until no more are wanted."""
        while (future := self._wanted.get()) is not None:
            try:
                item = next(self._iterator, None)
            except BaseException as exc:
                self._loop.call_soon_threadsafe(_fail, future, exc)
            else:
                self._loop.call_soon_threadsafe(_settle, future, item)
        try:
            close_iterator(self._iterator)
        except Exception as exc:
            report = {"message": "closing an iterator of requests failed", "exception": exc}
            self._loop.call_soon_threadsafe(self._loop.call_exception_handler, report)


def _settle(future: asyncio.Future[bytes | None], item: bytes | None) -> None:
    if not future.done():  # it is if its consumer was cancelled
        future.set_result(item)


def _fail(future: asyncio.Future[bytes | None], exc: BaseException) -> None:
    if not future.done():
        future.set_exception(exc)
