import copy
import pickle

import pytest

from connectrpc_protocol import Code, ConnectError, Headers
from connectrpc_protocol.header_names import RESERVED
from connectrpc_protocol.reserved_headers import (
    ErrorMetadata,
    RequestHeaders,
    ResponseHeaders,
    ResponseTrailers,
)

KINDS = [RequestHeaders, ResponseHeaders, ResponseTrailers, ErrorMetadata]
SENT = "the response headers have been sent: set them before the first response message, or use"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_name_is_a_value_error(kind: type[Headers], name: str) -> None:
    value = "YQ" if name.endswith("-bin") else "1"
    headers = kind({"x-a": "1"})
    text = f" '{name}' cannot be set: .*; to forward the headers of another call, pass their metad"
    for change in (
        lambda: kind({"x-a": "1", name.title(): value}),
        lambda: kind([("x-a", "1"), (name, value)]),
        lambda: kind(Headers({name: value})),
        lambda: headers.add(name, value),
        lambda: headers.update({name: value}),
        lambda: headers.setdefault(name, value),
        lambda: headers.__setitem__(name.upper(), value),
    ):
        with pytest.raises(ValueError, match=text):
            change()
    assert headers == Headers({"x-a": "1"})


@pytest.mark.parametrize(
    ("kind", "name", "instead"),
    [
        (RequestHeaders, "grpc-timeout", "the header 'grpc-timeout' cannot be set: use timeout_ms"),
        (RequestHeaders, "connection", "use options of your own http_client"),
        (ResponseHeaders, "content-type", "the response header 'content-type' cannot be set: it"),
        (ResponseHeaders, "content-encoding", "use the application's option compressions"),
        (ResponseHeaders, "transfer-encoding", "the HTTP server sets it"),
        (ResponseHeaders, "host", "only requests have it"),
        (ResponseTrailers, "grpc-status", "the response trailer .*: raise a ConnectError"),
        (ErrorMetadata, "grpc-message", "the error's metadata 'grpc-message' cannot be set: raise"),
    ],
)
def test_the_error_says_what_to_use(kind: type[Headers], name: str, instead: str) -> None:
    with pytest.raises(ValueError, match=instead):
        kind({name: "1"})


@pytest.mark.parametrize("kind", KINDS)
def test_other_names_are_accepted(kind: type[Headers]) -> None:
    headers = kind({"x-a": "1", "user-agent": "mine", "authorization": "token"})
    headers.add("X-A", "2")
    headers.add_binary("x-b-bin", b"3")
    assert headers == Headers(
        [
            ("x-a", "1"),
            ("x-a", "2"),
            ("user-agent", "mine"),
            ("authorization", "token"),
            ("x-b-bin", "Mw"),
        ]
    )


@pytest.mark.parametrize("name", [":authority", ":path", ":method"])
def test_a_pseudo_header_is_a_value_error_that_says_where_it_comes_from(name: str) -> None:
    text = f"invalid header name: '{name}'; a pseudo-header follows from the URL of the call"
    with pytest.raises(ValueError, match=text):
        RequestHeaders({name: "a"})


def test_headers_replace_those_of_the_same_name() -> None:
    headers = RequestHeaders([("x-a", "1"), ("x-a", "2"), ("x-b", "3")])
    replaced = headers.replaced_by([("X-A", "4"), ("x-c", "5"), ("x-c", "6")])
    assert type(replaced) is RequestHeaders
    assert replaced == Headers([("x-a", "4"), ("x-b", "3"), ("x-c", "5"), ("x-c", "6")])


def test_replacing_headers_does_not_change_them() -> None:
    headers = RequestHeaders({"x-a": "1"})
    replaced = headers.replaced_by(())
    replaced.add("x-a", "2")
    replaced["x-b"] = "3"
    assert headers == Headers({"x-a": "1"})


def test_a_replacement_with_a_reserved_name_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="'host' cannot be set"):
        RequestHeaders({"x-a": "1"}).replaced_by({"host": "a"})


def test_response_headers_that_have_been_sent_refuse_every_change() -> None:
    headers = ResponseHeaders({"x-a": "1"})
    headers.note_sent()
    for change in (
        lambda: headers.add("x-a", "2"),
        lambda: headers.add_binary("x-b-bin", b"2"),
        lambda: headers.update({"x-b": "2"}),
        lambda: headers.setdefault("x-b", "2"),
        lambda: headers.__setitem__("x-a", "2"),
        lambda: headers.__setitem__("content-type", "2"),
        lambda: headers.__delitem__("x-a"),
        lambda: headers.pop("x-a"),
        headers.popitem,
        headers.clear,
    ):
        with pytest.raises(RuntimeError, match=SENT):
            change()
    assert headers == Headers({"x-a": "1"})


def test_response_headers_that_have_not_been_sent_can_be_changed() -> None:
    headers = ResponseHeaders({"x-a": "1", "x-b": "2"})
    del headers["x-a"]
    headers["x-b"] = "3"
    assert headers == Headers({"x-b": "3"})


def test_response_headers_that_have_been_sent_can_be_read_and_copied() -> None:
    headers = ResponseHeaders({"x-a": "1"})
    headers.note_sent()
    assert (headers["x-a"], headers.setdefault("x-a", "2"), len(headers)) == ("1", "1", 1)
    copied = Headers(headers)
    copied["x-a"] = "2"
    assert headers["x-a"] == "1"
    assert copy.deepcopy(headers) == pickle.loads(pickle.dumps(headers)) == headers


def test_the_metadata_of_another_error_is_accepted() -> None:
    received = Headers({"content-type": "a", "x-a": "1"})
    assert ConnectError(Code.ABORTED, metadata=received).metadata is received
