"""Source: Connect protocol reference, "Unary-Response"."""

from connectrpc_protocol import Code, ConnectError, Headers, MethodKind, RequestContext
from connectrpc_protocol.connect.trailer_prefix import response_metadata, split_trailers

from ..helpers import echo_method


def test_a_response_has_headers_then_the_metadata_of_the_error_then_prefixed_trailers() -> None:
    context = RequestContext(echo_method(MethodKind.UNARY), "connect", "POST", ())
    context.response_headers["x-a"] = "1"
    context.response_trailers["x-b"] = "2"
    error = ConnectError(Code.ABORTED, metadata={"x-c": "3"})
    pairs = [(b"x-a", b"1"), (b"x-c", b"3"), (b"trailer-x-b", b"2")]
    assert response_metadata(context, error) == pairs
    assert response_metadata(context, None) == [pairs[0], pairs[2]]


def test_split_trailers_ignores_the_case_of_the_prefix() -> None:
    headers, trailers = split_trailers(
        [(b"x-a", b"1"), (b"Trailer-X-B", b"2"), (b"trailer-x-b", b"3"), (b"trailer", b"x-b")]
    )
    assert headers == Headers([("x-a", "1"), ("trailer", "x-b")])
    assert trailers == Headers([("x-b", "2"), ("x-b", "3")])
