"""`grpc-status` and `grpc-message`.

Sources: grpc/grpc, PROTOCOL-HTTP2.md, "Responses"; doc/statuscodes.md.
"""

import pytest
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import example, given
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError, ErrorDetail, Headers
from connectrpc_protocol.grpc.status import (
    decode_message,
    encode_message,
    error_from_trailers,
    error_to_trailers,
)

from ..helpers import bounded
from .client_calls import error_of, from_wire


@pytest.mark.parametrize("code", Code)
def test_a_code_is_sent_as_its_number(code: Code) -> None:
    assert error_to_trailers(ConnectError(code)) == [(b"grpc-status", str(code.grpc).encode())]
    assert error_of({"grpc-status": str(code.grpc)}).code is code


def test_status_zero_is_a_success() -> None:
    assert error_from_trailers(Headers({"grpc-status": "0", "grpc-message": "fine"})) is None


@pytest.mark.parametrize(
    "status", ["17", "-1", "00", "05", "+5", "5.0", "x", "", "9" * 5000, "0, 5"]
)
def test_an_undefined_status_is_unknown(status: str) -> None:
    error = error_of({"grpc-status": status, "grpc-message": "why%21"})
    assert error.code is Code.UNKNOWN
    assert error.message.startswith("the server sent grpc-status ")
    assert error.message.endswith(": why!")
    assert len(error.message) < 200


def test_two_statuses_are_unknown() -> None:
    trailers = Headers([("grpc-status", "0"), ("grpc-status", "0")])
    error = error_from_trailers(trailers)
    assert error is not None
    assert error.code is Code.UNKNOWN


def test_a_missing_status_is_unknown() -> None:
    assert str(error_of({})) == "unknown: the server sent no grpc-status"


def test_a_message_is_percent_encoded_in_utf_8() -> None:
    assert encode_message('100% "sure"\r\n\tÄ€😀') == (
        b'100%25 "sure"%0D%0A%09%C3%84%E2%82%AC%F0%9F%98%80'
    )


def test_visible_ascii_characters_are_not_encoded() -> None:
    visible = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("%"))
    assert encode_message(visible.decode()) == visible
    assert encode_message("two  words") == b"two  words"


@pytest.mark.parametrize(
    ("message", "value"),
    [(" ", b"%20"), ("  ", b"%20%20"), ("   ", b"%20 %20"), (" a b ", b"%20a b%20")],
)
def test_spaces_at_the_ends_of_a_message_are_encoded(message: str, value: bytes) -> None:
    assert encode_message(message) == value


@pytest.mark.parametrize("letter", ["a", "ä", "€", "😀", "\n"])
def test_a_very_long_message_is_cut(letter: str) -> None:
    """Peers limit the size of headers; grpcio drops a response with more than 8 to 16 KiB."""
    size = 2048 // len(letter.encode())
    assert decode_message(encode_message(letter * size).decode()) == letter * size
    error = ConnectError(Code.ABORTED, letter * (size + 1), [StringValue(value="why")])
    trailers = Headers.from_raw(error_to_trailers(error))
    assert sum(len(value) for value in trailers.values()) < 10_000
    got = error_from_trailers(trailers)
    assert got is not None
    assert got.message == letter * size + "…"
    assert got.details == error.details


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("%", "%"),
        ("%4", "%4"),
        ("%zz%41", "%zzA"),
        ("a+b", "a+b"),
        ("%ff", "\N{REPLACEMENT CHARACTER}"),
        ("%e2%82", "\N{REPLACEMENT CHARACTER}"),
        ("\xc3\xa4", "ä"),
        ("\xe4", "\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_the_malformed_parts_of_a_message_stay_or_are_replaced(value: str, message: str) -> None:
    assert decode_message(value) == message


@bounded
@given(st.text(st.characters(max_codepoint=255)))
@example("%" * 10_000)
def test_any_value_decodes_to_a_message(value: str) -> None:
    decode_message(value).encode()


@bounded
@given(st.text())
def test_a_message_survives_the_round_trip(message: str) -> None:
    data = encode_message(message)
    assert data.isascii()
    assert not {*data} & {*b"\r\n\0"}
    assert data.strip(b" ") == data
    assert decode_message(data.decode()) == message


def test_a_lone_surrogate_does_not_hide_an_error() -> None:
    """JSON of another server may contain one, even in the type name of a detail."""
    details = [StringValue(value="x"), ErrorDetail("a\ud800", b"")]
    error = ConnectError(Code.ABORTED, "a\ud800", details)
    trailers = Headers.from_raw(error_to_trailers(error))
    got = error_from_trailers(trailers)
    assert got is not None
    assert (got.code, got.message) == (Code.ABORTED, "a?")
    assert got.details == (error.details[0], ErrorDetail("a?", b""))


@bounded
@given(
    st.sampled_from(Code),
    st.text(),
    st.lists(
        st.builds(ErrorDetail, st.from_regex(r"[a-zA-Z_.]{1,20}", fullmatch=True), st.binary())
    ),
)
def test_an_error_survives_the_round_trip(
    code: Code, message: str, details: list[ErrorDetail]
) -> None:
    error = ConnectError(code, message, details)
    got = error_from_trailers(Headers.from_raw(error_to_trailers(error)))
    assert got is not None
    assert (got.code, got.message, got.details) == (code, message, tuple(details))


@bounded
@given(
    st.dictionaries(
        st.sampled_from(["grpc-status", "grpc-message", "grpc-status-details-bin"]),
        st.from_regex(r"[\x21-\x7e\x80-\xff]{0,20}", fullmatch=True),
    )
)
def test_any_trailers_are_an_error_or_a_success(trailers: dict[str, str]) -> None:
    error = error_from_trailers(from_wire(trailers))
    assert (error is None) == (trailers.get("grpc-status") == "0")
