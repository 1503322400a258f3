"""Calls on gRPC and gRPC-Web servers, for the tests of both protocols."""

import base64
from collections.abc import Mapping

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import ConnectError, MethodKind
from connectrpc_protocol.call import StreamServerCall, UnaryServerCall
from connectrpc_protocol.encoding.envelope import EnvelopeReader
from connectrpc_protocol.http import HttpResponse
from connectrpc_protocol.server import stream_server_method, unary_server_method

from ..helpers import echo_method, server_options

PROTOCOLS = ["grpc", "grpc-web", "grpc-web-text"]
Pairs = list[tuple[bytes, bytes]]
Envelopes = list[tuple[int, bytes]]

each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS)


def request_headers(protocol: str, headers: Mapping[str, str] | None) -> Pairs:
    pairs = {"content-type": f"application/{protocol}"} | dict(headers or {})
    return [(name.encode(), value.encode()) for name, value in pairs.items()]


def accept_unary(
    protocol: str, headers: Mapping[str, str] | None = None, **options: object
) -> UnaryServerCall[StringValue, StringValue] | HttpResponse:
    method = unary_server_method(echo_method(MethodKind.UNARY), server_options(**options))
    return method.accept("POST", request_headers(protocol, headers), b"", None)


def unary_call(
    protocol: str, headers: Mapping[str, str] | None = None, **options: object
) -> UnaryServerCall[StringValue, StringValue]:
    call = accept_unary(protocol, headers, **options)
    assert not isinstance(call, HttpResponse)
    return call


def accept_stream(
    protocol: str,
    headers: Mapping[str, str] | None = None,
    kind: MethodKind = MethodKind.BIDI_STREAM,
    **options: object,
) -> StreamServerCall[StringValue, StringValue] | HttpResponse:
    method = stream_server_method(echo_method(kind), server_options(**options))
    return method.accept("POST", request_headers(protocol, headers), b"", None)


def stream_call(
    protocol: str, headers: Mapping[str, str] | None = None, **options
) -> StreamServerCall[StringValue, StringValue]:
    call = accept_stream(protocol, headers, **options)
    assert not isinstance(call, HttpResponse)
    return call


def to_wire(protocol: str, data: bytes) -> bytes:
    """Return the bytes of a body, in base64 if the protocol is gRPC-Web in text."""
    return base64.b64encode(data) if protocol == "grpc-web-text" else data


def envelopes(protocol: str, body: bytes) -> Envelopes:
    if protocol == "grpc-web-text":
        quanta = (body[start : start + 4] for start in range(0, len(body), 4))
        body = b"".join(map(base64.b64decode, quanta))
    reader = EnvelopeReader(None)
    reader.feed(body)
    found: Envelopes = []
    while (envelope := reader.next()) is not None:
        found.append(envelope)
    assert not reader.is_partial
    return found


def split_body(protocol: str, body: bytes, trailers: object) -> tuple[Envelopes, Pairs]:
    """Return the envelopes and the trailers of a response; gRPC-Web has trailers in the body."""
    found = envelopes(protocol, body)
    if protocol == "grpc":
        assert isinstance(trailers, list)
        return found, trailers
    assert trailers is None
    flags, block = found.pop()
    assert flags == 0x80
    lines = block.removesuffix(b"\r\n").split(b"\r\n")
    return found, [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def split_response(protocol: str, response: HttpResponse) -> tuple[Envelopes, Pairs]:
    assert response.status == 200
    length = dict(response.headers).get(b"content-length")
    assert length == (None if protocol == "grpc" else b"%d" % len(response.body))
    return split_body(protocol, response.body, response.trailers)


def refused(call: UnaryServerCall[StringValue, StringValue], body: bytes) -> ConnectError:
    with pytest.raises(ConnectError) as caught:
        call.request(body)
    return caught.value
