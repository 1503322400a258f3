"""Worker threads for waits that cannot be ended: the waiting caller can be interrupted then.

They are daemons: what is left running after an interruption does not keep the interpreter from
exiting. It ends with the answer's head, or with the time-out of the HTTP client.
"""

import contextvars
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue

from connectrpc_client._transports.interface import TransportResponseSync
from connectrpc_client._transports.interruptible.response_pipe import AnswerEnd, AnswerHead, Relay

_idle: list["_Worker"] = []

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_idle.clear)  # threads do not survive a fork


def in_worker(function: Callable[[], None]) -> None:
    """Run a function, which must not raise, in a thread that is used again afterwards."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = _Worker()
    worker.functions.put(function)


class _Worker:
    __slots__ = ("functions",)

    def __init__(self) -> None:
        self.functions: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="connectrpc_client worker", daemon=True).start()

    def _run(self) -> None:
        while True:
            self.functions.get()()
            _idle.append(self)


class Uses:
    """Calls `at_end` once its owner and every worker has ended to use something."""

    __slots__ = ("_at_end", "_count", "_lock")

    def __init__(self, at_end: Callable[[], None]) -> None:
        self._at_end = at_end
        self._lock = threading.Lock()
        self._count = 1  # the owner's

    def begin(self) -> None:
        with self._lock:
            self._count += 1

    def end(self) -> None:
        with self._lock:
            self._count -= 1
            is_unused = self._count == 0
        if is_unused:
            self._at_end()


class WorkerReceiver:
    """Receives an answer in a worker. `send` returns once the head is there."""

    __slots__ = ("_has_room", "_is_stopped", "_response", "_send", "_uses")

    def __init__(self, send: Callable[[], TransportResponseSync], uses: Uses) -> None:
        self._send = send
        self._uses = uses
        self._response: TransportResponseSync | None = None
        self._is_stopped = False
        self._has_room = threading.Event()

    def start(self, relay: Relay) -> None:
        """See `Receiver`."""
        context = contextvars.copy_context()
        self._uses.begin()
        in_worker(lambda: context.run(self._receive, relay))

    def stop(self) -> None:
        """See `Receiver`."""
        self._is_stopped = True
        if self._response is not None:
            self._response.close()
        self._has_room.set()

    def _receive(self, relay: Relay) -> None:
        try:
            try:
                response = self._response = self._send()
                try:
                    if not self._is_stopped:
                        self._read(response, relay)
                finally:
                    response.close()
            finally:
                self._uses.end()
            # Last, so that nothing is in use when the reader has its answer.
            relay.put(AnswerEnd(response.trailers))
        except BaseException as exc:
            relay.put(exc)

    def _read(self, response: TransportResponseSync, relay: Relay) -> None:
        relay.put(AnswerHead(response.status, response.headers))
        for chunk in response.chunks(None):
            relay.put(chunk)
            if relay.is_nearly_full:
                self._wait_for_room(relay)
            if self._is_stopped:
                return

    def _wait_for_room(self, relay: Relay) -> None:
        self._has_room.clear()
        if not self._is_stopped and relay.is_full(self._has_room.set):
            self._has_room.wait()
