"""Source: Connect protocol reference, "Unary-Get-Request"."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import Code, Compressions, ConnectError, JsonCodec, ProtoCodec
from connectrpc_protocol.connect.get_request import (
    build_url,
    check_version,
    parse_encoding,
    parse_message,
    parse_query,
)
from connectrpc_protocol.options import ServerOptions

from ..helpers import bounded

LENIENT = ServerOptions(compressions=Compressions([]))
STRICT = ServerOptions(compressions=Compressions([]), require_connect_protocol_header=True)
URL = "https://api.example.com/acme.v1.EchoService/Echo"


def query_of(url: str) -> bytes:
    return urlsplit(url).query.encode("ascii")


@bounded
@given(
    st.sampled_from([ProtoCodec(), JsonCodec()]),
    st.binary(max_size=60),
    st.none() | st.sampled_from(["gzip", "br"]),
)
def test_a_url_survives_the_round_trip(codec, message: bytes, compression: str | None) -> None:
    parameters = parse_query(query_of(build_url(URL, codec, message, compression)))
    check_version(parameters, STRICT)
    assert parse_message(parameters) == message
    assert parse_encoding(parameters) == codec.name
    assert parameters.get("compression") == compression


def test_a_url_holds_json_in_readable_form() -> None:
    url = build_url(URL, JsonCodec(), b'{"a":"b c"}', None)
    assert url == f"{URL}?connect=v1&encoding=json&message=%7B%22a%22%3A%22b%20c%22%7D"


def test_a_url_holds_binary_in_base64_without_padding() -> None:
    url = build_url(URL, ProtoCodec(), b"\xfb\xff\xfe\x00", None)
    assert url == f"{URL}?connect=v1&encoding=proto&base64=1&message=-__-AA"


def test_a_url_holds_compressed_json_in_base64() -> None:
    url = build_url(URL, JsonCodec(), b"\xff", "gzip")
    assert url == f"{URL}?connect=v1&encoding=json&compression=gzip&base64=1&message=_w"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (b"message=", b""),
        (b"message=a+b%20c", b"a b c"),
        (b"message=%00%FF%c3%a9", b"\0\xff\xc3\xa9"),
        (b"message=\xff", b"\xff"),
        (b"message=e30&base64=1", b"{}"),
        (b"message=e30%3D&base64=1", b"{}"),
        (b"message=e30=&base64=1", b"{}"),
        (b"message=-_8&base64=1", b"\xfb\xff"),
        (b"message=e30&base64=0", b"e30"),
        (b"message=&base64=1", b""),
        (b"message=one&message=two", b"two"),
    ],
)
def test_a_query_holds_a_message(query: bytes, message: bytes) -> None:
    assert parse_message(parse_query(query)) == message


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (b"", "missing query parameter: message"),
        (b"base64=1", "missing query parameter: message"),
        (b"message=e30&base64=", "base64 must be 0 or 1"),
        (b"message=e30&base64=true", "base64 must be 0 or 1"),
        (b"message=a&base64=1", "not base64url"),
        (b"message=e30%3D%3D&base64=1", "not base64url"),
        (b"message=e%0A30&base64=1", "not base64url"),
        (b"message=%2B%2F8&base64=1", "not base64url"),
        (b"message=e30+&base64=1", "not base64url"),
        (b"message=%FF%FF&base64=1", "not base64url"),
        (b"message=%3D&base64=1", "not base64url"),
        (b"message==&base64=1", "not base64url"),
        (b"message=e30%00&base64=1", "not base64url"),
    ],
)
def test_a_malformed_message_is_an_invalid_argument(query: bytes, text: str) -> None:
    with pytest.raises(ConnectError, match=text) as caught:
        parse_message(parse_query(query))
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_too_many_parameters_are_an_invalid_argument() -> None:
    with pytest.raises(ConnectError, match="too many query parameters") as caught:
        parse_query(b"a&" * 200)
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_missing_encoding_is_an_invalid_argument() -> None:
    with pytest.raises(ConnectError, match="missing query parameter: encoding") as caught:
        parse_encoding({})
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_a_missing_version_passes() -> None:
    check_version({}, LENIENT)


def test_a_missing_version_is_an_invalid_argument_if_it_is_required() -> None:
    with pytest.raises(ConnectError, match="missing required query parameter: connect=v1") as got:
        check_version({}, STRICT)
    assert got.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("version", ["", "1", "v2", "V1", "v" * 5000])
def test_another_version_is_an_invalid_argument(version: str) -> None:
    with pytest.raises(ConnectError, match="connect must be v1") as caught:
        check_version({"connect": version}, LENIENT)
    assert caught.value.code is Code.INVALID_ARGUMENT
    assert len(caught.value.message) < 200


@bounded
@given(
    st.binary(max_size=80) | st.binary(max_size=40).map(lambda data: b"base64=1&message=" + data)
)
def test_any_query_is_a_message_or_a_connect_error(query: bytes) -> None:
    try:
        message = parse_message(parse_query(query))
    except ConnectError:
        return
    assert isinstance(message, bytes)
