"""Async transports for sync calls: a loop in the background waits, and ends a wait at any time.

Its thread is a daemon, which does not keep the interpreter from exiting.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import AsyncGenerator, Iterator
from contextvars import Context, copy_context
from functools import cache
from queue import SimpleQueue

from connectrpc_client._cancellation import canceled
from connectrpc_client._transports.interface import Transport, TransportResponse
from connectrpc_client._transports.interruptible.response_pipe import AnswerEnd, AnswerHead, Relay
from connectrpc_client._transports.interruptible.worker_thread import in_worker
from connectrpc_protocol.closing import aclose_iterator, close_iterator
from connectrpc_protocol.http import HttpRequest

_PATIENCE = 1.0  # seconds at the end of the interpreter


_starting = threading.Lock()


def background_loop() -> asyncio.AbstractEventLoop:
    """The event loop in the background, for the rest of the process."""
    with _starting:  # there must be one only, also when the first calls come in several threads
        return _loop()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="connectrpc_client loop", daemon=True)
    thread.start()
    atexit.register(_end, loop, thread)
    return loop


def _end(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """End what still runs, so that servers see it end, before the interpreter does."""
    if thread.is_alive():  # not so in a process that was forked
        asyncio.run_coroutine_threadsafe(_cancel_all(), loop).add_done_callback(
            lambda _: loop.call_soon_threadsafe(loop.stop)
        )
        thread.join(_PATIENCE)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=_PATIENCE)


def _forked() -> None:
    _loop.cache_clear()
    _starting.release()


if hasattr(os, "register_at_fork"):
    # The lock is taken for the fork, so that the child gets it free.
    os.register_at_fork(
        before=_starting.acquire,
        after_in_parent=_starting.release,
        after_in_child=_forked,
    )


class BackgroundReceiver:
    """Receives an answer in the background."""

    __slots__ = (
        *("_body", "_context", "_has_room", "_loop"),
        *("_request", "_task", "_timeout", "_transport"),
    )

    def __init__(
        self,
        transport: Transport,
        request: HttpRequest,
        body: Iterator[bytes] | None,
        timeout: float | None,
    ) -> None:
        self._transport = transport
        self._request = request
        self._body = body
        self._timeout = timeout
        self._context = copy_context()
        self._loop = background_loop()
        self._has_room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, relay: Relay) -> None:
        """See `Receiver`."""
        self._loop.call_soon_threadsafe(self._start, relay)

    def stop(self) -> None:
        """See `Receiver`."""
        self._loop.call_soon_threadsafe(self._stop)

    def _start(self, relay: Relay) -> None:
        self._task = self._loop.create_task(self._receive(relay))

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _receive(self, relay: Relay) -> None:
        body = None if self._body is None else _from_thread(self._body, self._context)
        try:
            response = await self._transport.send(self._request, body, self._timeout)
            try:
                await self._read(response, relay)
            finally:
                await response.aclose()
        except asyncio.CancelledError:
            relay.put(canceled())  # not the reader was cancelled, but its call
        except BaseException as exc:
            relay.put(exc)

    async def _read(self, response: TransportResponse, relay: Relay) -> None:
        relay.put(AnswerHead(response.status, response.headers))
        chunks = response.chunks()
        try:
            async for chunk in chunks:
                relay.put(chunk)
                if relay.is_nearly_full:
                    await self._wait_for_room(relay)
        finally:
            await aclose_iterator(chunks)
        relay.put(AnswerEnd(response.trailers))

    async def _wait_for_room(self, relay: Relay) -> None:
        self._has_room.clear()
        if relay.is_full(self._make_room):
            await self._has_room.wait()

    def _make_room(self) -> None:
        self._loop.call_soon_threadsafe(self._has_room.set)


async def _from_thread(iterator: Iterator[bytes], context: Context) -> AsyncGenerator[bytes, None]:
    """The items of an iterator that may block; a thread asks it for each once it is wanted."""
    steps = _Steps(iterator, asyncio.get_running_loop())
    in_worker(lambda: context.run(steps.run))
    try:
        while (item := await steps.next()) is not None:
            yield item
    finally:
        steps.stop()


class _Steps:
    """An iterator and the two threads around it."""

    def __init__(self, iterator: Iterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        self._iterator = iterator
        self._loop = loop
        self._wanted: SimpleQueue[asyncio.Future[bytes | None] | None] = SimpleQueue()

    async def next(self) -> bytes | None:
        """The next item, `None` after the last."""
        future: asyncio.Future[bytes | None] = self._loop.create_future()
        self._wanted.put(future)
        return await future

    def stop(self) -> None:
        """Nothing more is wanted. A step under way goes to its end."""
        self._wanted.put(None)

    def run(self) -> None:
        """In the iterator's thread: take steps until none is wanted."""
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
    if not future.done():  # somebody still waits
        future.set_result(item)


def _fail(future: asyncio.Future[bytes | None], exc: BaseException) -> None:
    if not future.done():
        future.set_exception(exc)
