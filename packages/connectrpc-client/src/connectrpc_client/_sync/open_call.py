"""Open calls: the caller sends requests and receives responses one by one, in any order."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Generic, Self, TypeVar

from google.protobuf.message import Message

from connectrpc_client._cancellation import Cancellation
from connectrpc_client._context import ClientContext
from connectrpc_client._sync.exchange import ExchangeSync
from connectrpc_client._transports.interruptible.worker_thread import run_in_worker_thread
from connectrpc_protocol import Headers
from connectrpc_protocol.representation import representation

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res", bound=Message)
T = TypeVar("T")


class _OpenCallSync(Generic[Req, Res]):
    """The common part of open calls. Use a call with `with`: the end of the block ends it.

    The exchange with the server, interceptors included, runs in a thread of its own. All methods
    may be called from any thread. A call that is garbage-collected ends, too.
    """

    def __init__(
        self,
        context: ClientContext,
        begin: Callable[[Iterator[Req]], Iterator[Res]],
        run: Callable[[Callable[[], None]], None],
        given_cancellation: Cancellation | None,
    ) -> None:
        self._context = context
        self._exchange = ExchangeSync[Req, Res](context, begin, run, given_cancellation)
        self._state = self._exchange.state
        self._process = os.getpid()

    @property
    def headers(self) -> Headers:
        """The response headers, once they have arrived."""
        return self._context.response_headers

    @property
    def trailers(self) -> Headers:
        """The response trailers, once the call has ended."""
        return self._context.response_trailers

    def send(self, message: Req) -> None:
        """Send a request. Returns once the exchange has taken it, so that requests do not pile up.

        Raises the call's error if it has failed, `EOFError` if the server has ended it without an
        error, and `RuntimeError` after the requests have ended.
        """
        self._exchange.perform(self._state.send(message))

    def wait_for_headers(self) -> Headers:
        """Wait for the response head, which many servers send with their first message."""
        self._exchange.perform(self._state.wait_for_head())
        return self.headers

    def cancel(self) -> None:
        """End the call and tell the server. Operations that wait raise `canceled`."""
        self._exchange.cancel()

    def close(self) -> None:
        """End the call if it has not ended, and wait until its exchange is over.

        The client does not read what the server still sends. Later operations raise `canceled`.
        """
        self._exchange.close(None)

    def __enter__(self) -> Self:
        self._exchange.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._exchange.close(exc)
        if exc is not None:
            # The exchange raised it, too, and added its own frames.
            exc.__traceback__ = traceback

    def __repr__(self) -> str:
        return representation(self, self._summary)

    def _summary(self) -> str:
        state = self._state.summary(is_running=self._exchange.is_running)
        return f"{self._context.method.full_name} ({state})"

    def __del__(self) -> None:
        # A forked process must not use the connections of its parent.
        if self._exchange.is_running and self._process == os.getpid():
            with suppress(RuntimeError):  # the interpreter exits and does not start threads
                # The garbage collector may run while this thread holds a lock of the exchange.
                run_in_worker_thread(self._exchange.drop)


class BidiCallSync(_OpenCallSync[Req, Res], Iterator[Res]):
    """An open call with a stream in both directions.

    Send and receive in any order, also in two threads. Keep receiving: if responses pile up, flow
    control may stop the server from reading, and `send` blocks.
    """

    def close_send(self) -> None:
        """End the requests; responses still arrive. Calling it again does nothing."""
        self._exchange.perform(self._state.close_send())

    def receive(self) -> Res | None:
        """Return the next response, or `None` after the last one. Raises the call's error."""
        return self._exchange.perform(self._state.receive())

    def __next__(self) -> Res:
        message = self.receive()
        if message is None:
            raise StopIteration
        return message


class ClientStreamCallSync(_OpenCallSync[Req, Res]):
    """An open call with a stream of requests and one response."""

    def close_and_receive(self) -> Res:
        """End the requests, and return the response. Raises the call's error."""
        self._exchange.perform(self._state.close_send())
        return self._exchange.perform(self._state.only_response())
