"""Worker threads, for waits that cannot be ended: the caller waits for the worker instead.

The workers are daemons, so one that still waits after its call has ended does not keep the
interpreter from exiting. Its wait ends with the response head, or with the HTTP client's timeout.
"""

import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue

from connectrpc_client import _fork
from connectrpc_client._transports.interface import TransportResponseSync
from connectrpc_client._transports.interruptible.response_pipe import (
    ResponseEnd,
    ResponseHead,
    ResponsePipe,
)

_idle: list["_Worker"] = []
_fork.call_in_child(_idle.clear)


def run_in_worker_thread(function: Callable[[], None]) -> None:
    """Run a function, which must not raise, in an idle thread or in a new one."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.functions.put(function)


class _Worker:
    """A thread that runs one function after another."""

    __slots__ = ("functions",)

    def __init__(self) -> None:
        self.functions: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="connectrpc_client worker", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.functions.get()()
            _idle.append(self)


class ReferenceCount:
    """Calls `on_unused` when the owner and all workers have released the resource."""

    __slots__ = ("_count", "_lock", "_on_unused")

    def __init__(self, on_unused: Callable[[], None]) -> None:
        self._on_unused = on_unused
        self._lock = threading.RLock()  # reentrant: a finalizer may make a call inside `acquire`
        self._count = 1  # the owner's reference

    def acquire(self) -> None:
        with self._lock:
            self._count += 1

    def release(self) -> None:
        with self._lock:
            self._count -= 1
            is_unused = self._count == 0
        if is_unused:
            self._on_unused()


class WorkerReceiver:
    """Receives a response in a worker thread. `send` returns when the head has arrived."""

    __slots__ = ("_has_room", "_is_stopped", "_references", "_response", "_send")

    def __init__(
        self, send: Callable[[], TransportResponseSync], references: ReferenceCount
    ) -> None:
        self._send = send
        self._references = references
        self._response: TransportResponseSync | None = None
        self._is_stopped = False
        self._has_room = threading.Event()

    def start(self, pipe: ResponsePipe) -> None:
        """See `Receiver`."""
        context = contextvars.copy_context()
        self._references.acquire()
        run_in_worker_thread(lambda: context.run(self._receive, pipe))

    def stop(self) -> None:
        """See `Receiver`."""
        self._is_stopped = True
        if self._response is not None:
            self._response.close()
        self._has_room.set()

    def _receive(self, pipe: ResponsePipe) -> None:
        try:
            try:
                response = self._response = self._send()
                try:
                    if not self._is_stopped:
                        self._read(response, pipe)
                finally:
                    response.close()
            finally:
                self._references.release()
            # Last, so that nothing is in use any more when the reader has the whole response.
            pipe.put(ResponseEnd(response.trailers))
        except BaseException as exc:
            pipe.put(exc)

    def _read(self, response: TransportResponseSync, pipe: ResponsePipe) -> None:
        pipe.put(ResponseHead(response.status, response.headers))
        for chunk in response.chunks(None):  # the reader of the pipe keeps the deadline
            pipe.put(chunk)
            if pipe.is_nearly_full:
                self._wait_for_room(pipe)
            if self._is_stopped:
                return

    def _wait_for_room(self, pipe: ResponsePipe) -> None:
        self._has_room.clear()
        if not self._is_stopped and pipe.is_full(self._has_room.set):
            self._has_room.wait()
