import time
from collections.abc import Sequence

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import ContextKey, Headers, Method, MethodKind, RequestContext

ECHO = Method(
    service="acme.v1.EchoService",
    name="Echo",
    kind=MethodKind.UNARY,
    request=StringValue,
    response=StringValue,
)


def context(
    headers: Headers | Sequence[tuple[bytes, bytes]] = (),
    deadline: float | None = None,
    peer: tuple[str, int] | None = None,
) -> RequestContext:
    return RequestContext(ECHO, "connect", "POST", headers, deadline, peer)


def test_a_context_has_its_method_protocol_and_http_method() -> None:
    ctx = context()
    assert (ctx.method, ctx.protocol, ctx.http_method) == (ECHO, "connect", "POST")


def test_a_context_keeps_the_request_of_its_host() -> None:
    ctx, request = context(), object()
    assert ctx.host_request is None
    ctx.host_request = request
    assert ctx.host_request is request


def test_a_context_decodes_raw_request_headers() -> None:
    assert context([(b"x-one", b"1")]).request_headers["X-One"] == "1"


def test_request_headers_are_the_same_object_each_time() -> None:
    ctx = context([(b"x-one", b"1")])
    assert ctx.request_headers is ctx.request_headers


def test_a_context_keeps_the_given_request_headers() -> None:
    headers = Headers({"x-one": "1"})
    assert context(headers).request_headers is headers


def test_a_new_context_does_not_have_response_metadata() -> None:
    ctx = context()
    assert (ctx.has_response_metadata, *ctx.response_headers, *ctx.response_trailers) == (False,)


def test_reading_response_headers_creates_response_metadata() -> None:
    ctx = context()
    assert not ctx.has_response_metadata
    assert len(ctx.response_headers) == len(ctx.response_trailers) == 0
    assert ctx.has_response_metadata


def test_response_headers_are_response_metadata() -> None:
    ctx = context()
    ctx.response_headers["x-one"] = "1"
    assert ctx.has_response_metadata


def test_response_trailers_are_response_metadata() -> None:
    ctx = context()
    ctx.response_trailers["x-one"] = "1"
    assert ctx.has_response_metadata


def test_receive_stores_headers_and_trailers() -> None:
    ctx = context()
    headers, trailers = Headers({"a": "1"}), Headers({"b": "2"})
    ctx.receive(headers, trailers)
    assert (ctx.response_headers, ctx.response_trailers) == (headers, trailers)


def test_a_context_without_a_deadline_does_not_have_a_timeout() -> None:
    ctx = context()
    assert (ctx.deadline, ctx.timeout_ms) == (None, None)


def test_the_timeout_is_the_time_until_the_deadline() -> None:
    deadline = time.monotonic() + 100
    ctx = context(deadline=deadline)
    assert ctx.deadline == deadline
    assert ctx.timeout_ms is not None
    assert 90_000 < ctx.timeout_ms <= 100_000


def test_a_timeout_is_never_negative() -> None:
    assert context(deadline=time.monotonic() - 5).timeout_ms == 0


@pytest.mark.parametrize(
    ("peer", "text"),
    [
        (None, None),
        (("192.0.2.1", 80), "192.0.2.1:80"),
        (("2001:db8::1", 443), "[2001:db8::1]:443"),
    ],
)
def test_the_peer_is_host_and_port(peer: tuple[str, int] | None, text: str | None) -> None:
    assert context(peer=peer).peer == text


def test_get_returns_the_stored_value() -> None:
    key, ctx = ContextKey[int]("number"), context()
    ctx.set(key, 7)
    assert ctx.get(key) == 7


def test_a_context_stores_values_of_several_keys() -> None:
    one, other, ctx = ContextKey[int]("one"), ContextKey[str]("other"), context()
    ctx.set(one, 1)
    ctx.set(other, "2")
    assert (ctx.get(one), ctx.get(other)) == (1, "2")


def test_get_returns_none_for_a_missing_value() -> None:
    assert context().get(ContextKey[int]("number")) is None


def test_get_returns_the_default_for_a_missing_value() -> None:
    ctx = context()
    ctx.set(ContextKey[int]("other"), 1)
    assert ctx.get(ContextKey[int]("number"), "default") == "default"


def test_keys_with_the_same_name_are_different_keys() -> None:
    ctx = context()
    ctx.set(ContextKey[int]("number"), 7)
    assert ctx.get(ContextKey[int]("number")) is None


def test_the_repr_of_a_key_shows_its_name() -> None:
    assert repr(ContextKey[int]("number")) == "ContextKey('number')"


def test_the_repr_of_a_context_shows_its_call() -> None:
    assert repr(context()) == "<RequestContext connect POST acme.v1.EchoService/Echo>"


@pytest.mark.parametrize("is_used_before", [True, False])
def test_response_headers_cannot_be_changed_after_the_head(is_used_before: bool) -> None:
    ctx = context()
    if is_used_before:
        ctx.response_headers["x-one"] = "1"
    ctx.note_sent_head()
    assert ctx.has_response_metadata is is_used_before
    with pytest.raises(RuntimeError, match="the response headers have been sent: set them before"):
        ctx.response_headers["x-two"] = "2"
    ctx.response_trailers["x-two"] = "2"
    assert list(ctx.response_headers) == (["x-one"] if is_used_before else [])


def test_received_headers_can_be_changed_after_the_head() -> None:
    ctx = context()
    ctx.receive(Headers(), Headers())
    ctx.note_sent_head()
    ctx.response_headers["content-type"] = "text/plain"


def test_response_metadata_with_a_reserved_name_is_a_value_error() -> None:
    ctx = context()
    with pytest.raises(ValueError, match="the response header 'content-type' cannot be set"):
        ctx.response_headers["Content-Type"] = "text/plain"
    with pytest.raises(ValueError, match="the response trailer 'grpc-status' cannot be set"):
        ctx.response_trailers.add("grpc-status", "0")
