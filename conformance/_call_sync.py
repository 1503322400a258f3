"""Calls of the sync client."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
from _case import Case, Result
from connectrpc.conformance.v1.client_compat_pb2 import ClientCompatRequest, ClientResponseResult
from connectrpc.conformance.v1.service_connect_client import ConformanceServiceClientSync

from connectrpc_client import ConnectError, StreamOutputSync


def invoke(request: ClientCompatRequest, http_client: httpx.Client) -> ClientResponseResult:
    """Make one call; an error of the call is a result, too."""
    return _Call(Case(request), http_client).result()


class _Cancelled(Exception):
    """Raised by the stream of requests, which ends the call."""


class _Call:
    def __init__(self, case: Case, http_client: httpx.Client) -> None:
        self._case = case
        self._client = ConformanceServiceClientSync(
            case.url, http_client=http_client, **case.options
        )
        self._result = Result()

    def result(self) -> ClientResponseResult:
        try:
            self._run()
        except ConnectError as error:
            self._result.set_error(error)
        except _Cancelled:
            self._result.set_canceled()
        return self._result.proto

    def _run(self) -> None:
        match self._case.kind:
            case "Unary" | "Unimplemented" | "IdempotentUnary":
                self._unary()
            case "ClientStream":
                self._client_stream()
            case "ServerStream":
                self._server_stream()
            case _:
                self._bidi_stream()

    def _unary(self) -> None:
        case = self._case
        client = self._client
        (message,) = case.messages
        # Any of the three, with its own types of messages.
        method: Any = client.call_unary
        use: dict[str, Any] = {}
        if case.kind == "Unimplemented":
            method = client.call_unimplemented
        elif case.kind == "IdempotentUnary":
            method, use = client.call_idempotent_unary, {"use_get": case.use_get}
        time.sleep(case.delay)
        output = method(message, headers=case.headers, timeout_ms=case.timeout_ms, **use)
        self._result.set_metadata(output.headers, output.trailers)
        self._result.proto.payloads.append(output.message.payload)

    def _client_stream(self) -> None:
        case = self._case
        output = self._client.call_client_stream(
            self._requests(), headers=case.headers, timeout_ms=case.timeout_ms
        )
        self._result.set_metadata(output.headers, output.trailers)
        self._result.proto.payloads.append(output.message.payload)

    def _server_stream(self) -> None:
        case = self._case
        message: Any
        (message,) = case.messages
        time.sleep(case.delay)
        output = self._client.call_server_stream(
            message, headers=case.headers, timeout_ms=case.timeout_ms
        )
        self._receive(output)

    def _bidi_stream(self) -> None:
        case = self._case
        output = self._client.call_bidi_stream(
            self._requests(), headers=case.headers, timeout_ms=case.timeout_ms
        )
        self._receive(output)

    def _receive(self, output: StreamOutputSync[Any]) -> None:
        cancel = self._case.cancel
        payloads = self._result.proto.payloads
        try:
            with output:
                if cancel.after_close_send is not None:
                    time.sleep(cancel.after_close_send)
                    raise _Cancelled
                for message in output:
                    payloads.append(message.payload)
                    if len(payloads) == cancel.after_responses:
                        raise _Cancelled
        finally:
            self._result.set_metadata(output.headers, output.trailers)

    def _requests(self) -> Iterator[Any]:
        for sent, message in enumerate(self._case.messages):
            self._result.proto.num_unsent_requests = len(self._case.messages) - sent
            time.sleep(self._case.delay)
            yield message
        self._result.proto.num_unsent_requests = 0
        if self._case.cancel.before_close_send:
            raise _Cancelled
