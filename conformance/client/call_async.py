"""One call with the async client."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx
import pyqwest
from connectrpc.conformance.v1.client_compat_pb2 import ClientCompatRequest, ClientResponseResult
from connectrpc.conformance.v1.service_connect_client import ConformanceServiceClient

from client.case import Case
from client.result import Result
from connectrpc_client import ConnectError, StreamOutput

HttpClient = httpx.AsyncClient | pyqwest.Client


async def invoke(request: ClientCompatRequest, http_client: HttpClient) -> ClientResponseResult:
    """Make one call and return its result, which may be an error."""
    call = _Call(Case(request), http_client)
    return await call.result()


class _Call:
    def __init__(self, case: Case, http_client: HttpClient) -> None:
        self._case = case
        self._client = ConformanceServiceClient(case.url, http_client=http_client, **case.options)
        self._result = Result()
        self._task = asyncio.ensure_future(self._run())
        self._is_cancelled = False

    async def result(self) -> ClientResponseResult:
        try:
            await self._task
        except ConnectError as error:
            self._result.set_error(error)
        except asyncio.CancelledError:
            if not self._is_cancelled:
                raise
            self._result.set_canceled()
        return self._result.proto

    async def _run(self) -> None:
        match self._case.kind:
            case "Unary" | "Unimplemented" | "IdempotentUnary":
                await self._unary()
            case "ClientStream":
                await self._client_stream()
            case "ServerStream":
                await self._server_stream()
            case _ if self._case.is_full_duplex:
                await self._full_duplex()
            case _:
                await self._half_duplex()

    async def _unary(self) -> None:
        case = self._case
        client = self._client
        (message,) = case.messages
        # Each of the three methods has its own message types.
        method: Any = client.call_unary
        use: dict[str, Any] = {}
        if case.kind == "Unimplemented":
            method = client.call_unimplemented
        elif case.kind == "IdempotentUnary":
            method, use = client.call_idempotent_unary, {"use_get": case.use_get}
        await asyncio.sleep(case.delay)
        self._after_close_send()
        output = await method(message, headers=case.headers, timeout_ms=case.timeout_ms, **use)
        self._result.set_metadata(output.headers, output.trailers)
        self._result.proto.payloads.append(output.message.payload)

    async def _client_stream(self) -> None:
        case = self._case
        output = await self._client.call_client_stream(
            self._requests(), headers=case.headers, timeout_ms=case.timeout_ms
        )
        self._result.set_metadata(output.headers, output.trailers)
        self._result.proto.payloads.append(output.message.payload)

    async def _server_stream(self) -> None:
        case = self._case
        message: Any
        (message,) = case.messages
        await asyncio.sleep(case.delay)
        self._after_close_send()
        output = await self._client.call_server_stream(
            message, headers=case.headers, timeout_ms=case.timeout_ms
        )
        await self._receive(output)

    async def _half_duplex(self) -> None:
        case = self._case
        requests = self._requests_at_once() if case.sends_at_once else self._requests()
        output = await self._client.call_bidi_stream(
            requests, headers=case.headers, timeout_ms=case.timeout_ms
        )
        await self._receive(output)

    async def _full_duplex(self) -> None:
        case = self._case
        call: Any
        async with self._client.open_bidi_stream(
            headers=case.headers, timeout_ms=case.timeout_ms
        ) as call:
            try:
                for message in case.messages:
                    await asyncio.sleep(case.delay)
                    await call.send(message)
                    self._result.add(await call.receive())
                    if self._result.count == case.cancel.after_responses:
                        call.cancel()
                if case.cancel.before_close_send:
                    call.cancel()
                await call.close_send()
                if case.cancel.after_close_send is not None:
                    await asyncio.sleep(case.cancel.after_close_send)
                    call.cancel()
                async for response in call:
                    self._result.add(response)
            finally:
                self._result.set_metadata(call.headers, call.trailers)

    async def _receive(self, output: StreamOutput[Any]) -> None:
        try:
            async with output:
                async for message in output:
                    self._result.add(message)
                    if self._result.count == self._case.cancel.after_responses:
                        self._cancel()
        finally:
            self._result.set_metadata(output.headers, output.trailers)

    def _requests_at_once(self) -> Sequence[Any]:
        self._after_close_send()
        return self._case.messages

    async def _requests(self) -> AsyncIterator[Any]:
        for message in self._case.messages:
            if self._case.delay:
                await asyncio.sleep(self._case.delay)
            yield message
        if self._case.cancel.before_close_send:
            self._cancel()
            await asyncio.Event().wait()  # the stream of requests stays open
        self._after_close_send()

    def _after_close_send(self) -> None:
        delay = self._case.cancel.after_close_send
        if delay is not None:
            asyncio.get_running_loop().call_later(delay, self._cancel)

    def _cancel(self) -> None:
        self._is_cancelled = True
        self._task.cancel()
