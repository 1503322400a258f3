"""The client's side of an exchange: it sends the request body and reads the response."""

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


class _ResponseHead:
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


class Response(_ResponseHead):
    """See `connectrpc_client.TransportResponse`."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(exchange)
        self._sending = Tasks()

    async def open(self, body: AsyncIterator[bytes] | None) -> None:
        """Send the body, and wait for the response head."""
        if body is not None:
            self._sending.start(self._send(body))
        try:
            await wait(self._exchange.monitor, self._exchange.head)
        except BaseException:
            await self.aclose()
            raise

    async def _send(self, body: AsyncIterator[bytes]) -> None:
        exchange = self._exchange
        try:
            try:
                async for chunk in body:
                    if not await wait(exchange.monitor, partial(exchange.offer, chunk)):
                        return
            finally:
                await aclose_iterator(body)
            await wait(exchange.monitor, partial(exchange.offer, b"", is_last=True))
        except BaseException as exc:
            failure = exc
            exchange.monitor.change(lambda: exchange.fail_request(failure))

    async def chunks(self) -> AsyncIterator[bytes]:
        exchange = self._exchange
        while (chunk := await wait(exchange.monitor, exchange.take)) is not None:
            yield chunk

    async def aclose(self) -> None:
        self._exchange.monitor.change(self._exchange.disconnect)
        await self._sending.end()


class ResponseSync(_ResponseHead):
    """See `connectrpc_client.TransportResponseSync`."""

    def __init__(self, exchange: Exchange, cancellation: Cancellation | None) -> None:
        super().__init__(exchange)
        self._cancellation = cancellation

    def open(self, body: Iterator[bytes] | None, deadline: float | None) -> None:
        """Send the body, and wait for the response head. If this raises, close the response."""
        if body is not None:
            # In a copy of the caller's context, because other transports also run the iterator of
            # the requests in that context.
            context = copy_context()
            threading.Thread(target=context.run, args=(self._send, body), daemon=True).start()
        with self._cancellable():
            self._exchange.monitor.wait(self._exchange.head, deadline)

    def _send(self, body: Iterator[bytes]) -> None:
        exchange = self._exchange
        try:
            try:
                for chunk in body:
                    if not exchange.monitor.wait(partial(exchange.offer, chunk)):
                        return
            finally:
                close_iterator(body)
            exchange.monitor.wait(partial(exchange.offer, b"", is_last=True))
        except BaseException as exc:
            failure = exc
            exchange.monitor.change(lambda: exchange.fail_request(failure))

    def chunks(self, deadline: float | None) -> Iterator[bytes]:
        exchange = self._exchange
        with self._cancellable():
            while (chunk := exchange.monitor.wait(exchange.take, deadline)) is not None:
                yield chunk

    def close(self) -> None:
        self._exchange.monitor.change(self._exchange.disconnect)

    def _cancellable(self) -> AbstractContextManager[None]:
        if self._cancellation is None:
            return nullcontext()
        return self._cancellation.calling(
            partial(self._exchange.monitor.change, self._exchange.disconnect)
        )
