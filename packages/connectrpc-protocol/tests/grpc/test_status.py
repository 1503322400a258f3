"""Sources: grpc/grpc, PROTOCOL-HTTP2.md, "Responses"; doc/statuscodes.md."""

import base64
import subprocess
import sys

import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.wrappers_pb2 import StringValue
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from connectrpc_protocol import Code, ConnectError, ErrorDetail, Headers
from connectrpc_protocol.grpc.status import (
    decode_message,
    encode_message,
    error_from_trailers,
    error_to_trailers,
)
from connectrpc_protocol.headers import raw_pairs

bounded = settings(deadline=None, max_examples=75, suppress_health_check=[HealthCheck.too_slow])


def from_wire(trailers: dict[str, str]) -> Headers:
    return Headers.from_raw(raw_pairs(trailers.items()))


def failed(trailers: dict[str, str]) -> ConnectError:
    error = error_from_trailers(from_wire(trailers))
    assert error is not None
    return error


def status_of_google(code: int, message: bytes = b"") -> bytes:
    """A google.rpc.Status: `int32 code = 1; string message = 2; repeated Any details = 3;`."""
    detail = AnyMessage()
    detail.Pack(StringValue(value="why"))
    data = detail.SerializeToString()
    return bytes((8, code, 18, len(message), *message, 26, len(data))) + data


def in_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.mark.parametrize("code", Code)
def test_a_code_is_its_number(code: Code) -> None:
    assert error_to_trailers(ConnectError(code)) == [(b"grpc-status", str(code.grpc).encode())]
    assert failed({"grpc-status": str(code.grpc)}).code is code


def test_zero_is_success() -> None:
    assert error_from_trailers(Headers({"grpc-status": "0", "grpc-message": "fine"})) is None


@pytest.mark.parametrize(
    "status", ["17", "-1", "00", "05", "+5", "5.0", "x", "", "9" * 5000, "0, 5"]
)
def test_a_status_that_does_not_exist_is_unknown(status: str) -> None:
    error = failed({"grpc-status": status, "grpc-message": "why%21"})
    assert error.code is Code.UNKNOWN
    assert error.message.startswith("the server sent grpc-status ")
    assert error.message.endswith(": why!")
    assert len(error.message) < 200


def test_two_statuses_are_no_success() -> None:
    trailers = Headers([("grpc-status", "0"), ("grpc-status", "0")])
    error = error_from_trailers(trailers)
    assert error is not None
    assert error.code is Code.UNKNOWN


def test_no_status_is_unknown() -> None:
    assert str(failed({})) == "unknown: the server sent no grpc-status"


def test_a_message_is_percent_encoded_in_utf_8() -> None:
    assert encode_message('100% "sure"\r\n\tÄ€😀') == (
        b'100%25 "sure"%0D%0A%09%C3%84%E2%82%AC%F0%9F%98%80'
    )


def test_all_that_may_stay_as_it_is_stays() -> None:
    visible = bytes(byte for byte in range(0x21, 0x7F) if byte != ord("%"))
    assert encode_message(visible.decode()) == visible
    assert encode_message("two  words") == b"two  words"


@pytest.mark.parametrize(
    ("message", "value"),
    [(" ", b"%20"), ("  ", b"%20%20"), ("   ", b"%20 %20"), (" a b ", b"%20a b%20")],
)
def test_http_takes_no_space_from_the_ends_of_a_message(message: str, value: bytes) -> None:
    assert encode_message(message) == value


@pytest.mark.parametrize("letter", ["a", "ä", "€", "😀", "\n"])
def test_a_very_long_message_is_cut(letter: str) -> None:
    """Peers binding what they read of headers; grpcio gives up an answer beyond 8 to 16 KiB."""
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
def test_a_message_that_is_not_encoded_well_is_not_lost(value: str, message: str) -> None:
    assert decode_message(value) == message


@bounded
@given(st.text(st.characters(max_codepoint=255)))
@example("%" * 10_000)
def test_any_value_is_a_message(value: str) -> None:
    decode_message(value).encode()


@bounded
@given(st.text())
def test_a_message_survives(message: str) -> None:
    data = encode_message(message)
    assert data.isascii()
    assert not {*data} & {*b"\r\n\0"}
    assert data.strip(b" ") == data
    assert decode_message(data.decode()) == message


def test_a_lone_surrogate_does_not_hide_an_error() -> None:
    """Not even in the name of a detail, where JSON of another server may have put it."""
    details = [StringValue(value="x"), ErrorDetail("a\ud800", b"")]
    error = ConnectError(Code.ABORTED, "a\ud800", details)
    trailers = Headers.from_raw(error_to_trailers(error))
    got = error_from_trailers(trailers)
    assert got is not None
    assert (got.code, got.message) == (Code.ABORTED, "a?")
    assert got.details == (error.details[0], ErrorDetail("a?", b""))


def test_details_are_a_status_as_google_describes_it() -> None:
    error = ConnectError(Code.NOT_FOUND, "gone", [StringValue(value="why")])
    value = dict(error_to_trailers(error))[b"grpc-status-details-bin"]
    assert b"=" not in value
    assert base64.b64decode(value + b"==") == status_of_google(5, b"gone")


@pytest.mark.parametrize(("message", "padding"), [(b"a", ""), (b"", "="), (b"aa", "==")])
def test_details_of_google_are_read(message: bytes, padding: str) -> None:
    value = in_base64(status_of_google(5, message))
    assert value.endswith(padding)
    assert value.count("=") == len(padding)
    for each in (value, value.rstrip("=")):
        error = failed({"grpc-status": "5", "grpc-status-details-bin": each})
        assert error.details[0].unpack(StringValue) == StringValue(value="why")


def test_details_that_disagree_do_not_change_the_error() -> None:
    details = in_base64(status_of_google(16, b"another"))
    error = failed({"grpc-status": "5", "grpc-message": "gone", "grpc-status-details-bin": details})
    assert (error.code, error.message, len(error.details)) == (Code.NOT_FOUND, "gone", 1)


@pytest.mark.parametrize(
    "details",
    [
        "",
        "%",
        "A",
        "\xe4",
        in_base64(b"\xff"),
        in_base64(b"\x1a\xff\xff\xff\xff\x0f"),
        in_base64(b"\x12\x01\xff"),
        in_base64(b"\x1b" * 10_000),
        f"{in_base64(b'')}, {in_base64(b'')}",
    ],
)
def test_details_that_cannot_be_read_do_not_hide_the_error(details: str) -> None:
    error = failed({"grpc-status": "5", "grpc-message": "gone", "grpc-status-details-bin": details})
    assert (error.code, error.message, error.details) == (Code.NOT_FOUND, "gone", ())


@bounded
@given(
    st.sampled_from(Code),
    st.text(),
    st.lists(
        st.builds(ErrorDetail, st.from_regex(r"[a-zA-Z_.]{1,20}", fullmatch=True), st.binary())
    ),
)
def test_an_error_survives(code: Code, message: str, details: list[ErrorDetail]) -> None:
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


# What googleapis-common-protos does; a second description of another shape under one name is an
# error.
GOOGLE = """
from google.protobuf import any_pb2, descriptor_pb2, descriptor_pool
file = descriptor_pb2.FileDescriptorProto(
    name="google/rpc/status.proto", package="google.rpc", syntax="proto3"
)
status = file.message_type.add(name="Status")
status.field.add(name="code", number=1, type=5, label=1, json_name="otherwise")
descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
"""
OURS = "import connectrpc_protocol.client, connectrpc_protocol.server"


@pytest.mark.parametrize("script", [f"{GOOGLE}\n{OURS}", f"{OURS}\n{GOOGLE}"])
def test_another_description_of_status_does_not_clash(script: str) -> None:
    subprocess.run([sys.executable, "-c", script], check=True)
