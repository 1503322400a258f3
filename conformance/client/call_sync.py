"""One call with the sync client."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import pyqwest
from connectrpc.conformance.v1.client_compat_pb2 import ClientCompatRequest, ClientResponseResult
from connectrpc.conformance.v1.service_connect_client import ConformanceServiceClientSync

from client.case import Cancel, Case
from client.result import Result
from connectrpc_client import Cancellation, ConnectError, StreamOutputSync

HttpClient = httpx.Client | pyqwest.SyncClient


def invoke(request: ClientCompatRequest, http_client: HttpClient) -> ClientResponseResult:
    """Make one call and return its result, which may be an error."""
    return _Call(Case(request), http_client).result()


class _Call:
    def __init__(self, case: Case, http_client: HttpClient) -> None:
        self._case = case
        self._client = ConformanceServiceClientSync(
            case.url, http_client=http_client, **case.options
        )
        self._cancellation = Cancellation()
        self._common: dict[str, Any] = {
            "headers": case.headers,
            "timeout_ms": case.timeout_ms,
            "cancellation": self._cancellation if case.cancel != Cancel() else None,
        }
        self._result = Result()

    def result(self) -> ClientResponseResult:
        try:
            self._run()
        except ConnectError as error:
            self._result.set_error(error)
        return self._result.proto

    def _run(self) -> None:
        match self._case.kind:
            case "Unary" | "Unimplemented" | "IdempotentUnary":
                self._unary()
            case "ClientStream":
                self._client_stream()
            case "ServerStream":
                self._server_stream()
            case _ if self._case.is_full_duplex:
                self._full_duplex()
            case _:
                self._half_duplex()

    def _unary(self) -> None:
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
        time.sleep(case.delay)
        self._after_close_send()
        output = method(message, **self._common, **use)
        self._result.set_metadata(output.headers, output.trailers)
        self._result.proto.payloads.append(output.message.payload)

    def _client_stream(self) -> None:
        output = self._client.call_client_stream(self._requests(), **self._common)
        self._result.set_metadata(output.headers, output.trailers)
        self._result.proto.payloads.append(output.message.payload)

    def _server_stream(self) -> None:
        message: Any
        (message,) = self._case.messages
        time.sleep(self._case.delay)
        self._after_close_send()
        self._receive(self._client.call_server_stream(message, **self._common))

    def _half_duplex(self) -> None:
        requests = self._requests_at_once() if self._case.sends_at_once else self._requests()
        self._receive(self._client.call_bidi_stream(requests, **self._common))

    def _full_duplex(self) -> None:
        case = self._case
        call: Any
        with self._client.open_bidi_stream(**self._common) as call:
            try:
                for message in case.messages:
                    time.sleep(case.delay)
                    call.send(message)
                    self._result.add(call.receive())
                    if self._result.count == case.cancel.after_responses:
                        call.cancel()
                if case.cancel.before_close_send:
                    call.cancel()
                call.close_send()
                if case.cancel.after_close_send is not None:
                    time.sleep(case.cancel.after_close_send)
                    call.cancel()
                for response in call:
                    self._result.add(response)
            finally:
                self._result.set_metadata(call.headers, call.trailers)

    def _receive(self, output: StreamOutputSync[Any]) -> None:
        try:
            with output:
                for message in output:
                    self._result.add(message)
                    if self._result.count == self._case.cancel.after_responses:
                        self._cancellation.cancel()
        finally:
            self._result.set_metadata(output.headers, output.trailers)

    def _requests_at_once(self) -> Sequence[Any]:
        self._after_close_send()
        return self._case.messages

    def _requests(self) -> Iterator[Any]:
        for message in self._case.messages:
            if self._case.delay:
                time.sleep(self._case.delay)
            yield message
        if self._case.cancel.before_close_send:
            self._cancellation.cancel()
        self._after_close_send()

    def _after_close_send(self) -> None:
        delay = self._case.cancel.after_close_send
        if delay is not None:
            threading.Timer(delay, self._cancellation.cancel).start()
