"""The client's side of an exchange: sending the request's body, reading the answer."""

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import copy_context
from functools import partial

from connectrpc_client._cancellation import Cancellation
from connectrpc_client.testing.event_loop import Tasks, wait
from connectrpc_client.testing.exchange import Exchange
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.closing import aclose_iterator, close_iterator


class _Answer:
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    @property
    def status(self) -> int:
        return self._exchange.status

    @property
    def headers(self) -> RawHeaders:
        return self._exchange.headers

    @property
    def trailers(self) -> RawHeaders:
        return self._exchange.trailers


class Response(_Answer):
    """See `connectrpc_client.TransportResponse`."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._sending = Tasks()

    async def open(self, body: AsyncIterator[bytes] | None) -> None:
        """Send the body, and wait for the head of the answer."""
        if body is not None:
            self._sending.start(self._send(body))
        try:
            await wait(self._exchange.signal, self._exchange.head)
        except BaseException:
            await self.aclose()
            raise

    async def _send(self, body: AsyncIterator[bytes]) -> None:
        exchange = self._exchange
        try:
            try:
                async for chunk in body:
                    if not await wait(exchange.signal, partial(exchange.offer, chunk)):
                        return
            finally:
                await aclose_iterator(body)
            await wait(exchange.signal, partial(exchange.offer, b"", is_last=True))
        except BaseException as exc:
            failure = exc
            exchange.signal.change(lambda: exchange.fail_request(failure))

    async def chunks(self) -> AsyncIterator[bytes]:
        exchange = self._exchange
        while (chunk := await wait(exchange.signal, exchange.take)) is not None:
            yield chunk

    async def aclose(self) -> None:
        self._exchange.signal.change(self._exchange.leave)
        await self._sending.end()


class ResponseSync(_Answer):
    """See `connectrpc_client.TransportResponseSync`."""

    def __init__(self, exchange: Exchange, cancellation: Cancellation | None) -> None:
        super().__init__(exchange)
        self._cancellation = cancellation

    def open(self, body: Iterator[bytes] | None, timeout: float | None) -> None:
        """Send the body, and wait for the head of the answer. Close this where it raises."""
        if body is not None:
            # In the context of whoever calls, where requests are made with other transports.
            context = copy_context()
            threading.Thread(target=context.run, args=(self._send, body), daemon=True).start()
        with self._cancellable():
            self._exchange.signal.wait(self._exchange.head, timeout)

    def _send(self, body: Iterator[bytes]) -> None:
        exchange = self._exchange
        try:
            try:
                for chunk in body:
                    if not exchange.signal.wait(partial(exchange.offer, chunk)):
                        return
            finally:
                close_iterator(body)
            exchange.signal.wait(partial(exchange.offer, b"", is_last=True))
        except BaseException as exc:
            failure = exc
            exchange.signal.change(lambda: exchange.fail_request(failure))

    def chunks(self, timeout: float | None) -> Iterator[bytes]:
        exchange = self._exchange
        with self._cancellable():
            while (chunk := exchange.signal.wait(exchange.take, timeout)) is not None:
                yield chunk

    def close(self) -> None:
        self._exchange.signal.change(self._exchange.leave)

    def _cancellable(self) -> AbstractContextManager[None]:
        if self._cancellation is None:
            return nullcontext()
        return self._cancellation.calling(
            partial(self._exchange.signal.change, self._exchange.leave)
        )
