import time
from datetime import timedelta

import pytest

from connectrpc_protocol import Compressions, Gzip, JsonCodec
from connectrpc_protocol.deadline import LONGEST_TIMEOUT_MS
from connectrpc_protocol.options import ClientOptions, ServerOptions, server_compressions

GZIP = Compressions(["gzip"])
SERVER_NUMBERS = [
    "read_max_bytes",
    "send_max_bytes",
    "compress_min_bytes",
    "default_timeout_ms",
    "max_timeout_ms",
]
CLIENT_NUMBERS = ["read_max_bytes", "compress_min_bytes", "timeout_ms"]


def test_server_options_have_defaults() -> None:
    options = ServerOptions(compressions=GZIP)
    assert (options.read_max_bytes, options.send_max_bytes) == (4 * 1024 * 1024, None)
    assert options.compress_min_bytes == 1024
    assert [codec.name for codec in options.codecs] == ["proto", "json"]
    assert (options.default_timeout_ms, options.max_timeout_ms) == (None, None)
    assert not options.require_connect_protocol_header
    assert not options.expose_errors


def test_client_options_have_defaults() -> None:
    options = ClientOptions(codec=JsonCodec(), accept_compression=GZIP)
    assert (options.read_max_bytes, options.timeout_ms) == (4 * 1024 * 1024, None)
    assert (options.send_compression, options.compress_min_bytes) == (None, 1024)


@pytest.mark.parametrize("name", SERVER_NUMBERS)
def test_a_negative_number_of_a_server_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative: -1"):
        ServerOptions(compressions=GZIP, **{name: -1})


@pytest.mark.parametrize("name", CLIENT_NUMBERS)
def test_a_negative_number_of_a_client_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must not be negative: -1"):
        ClientOptions(codec=JsonCodec(), accept_compression=GZIP, **{name: -1})


@pytest.mark.parametrize("value", [0.5, 1.0, float("inf"), True, "5", timedelta(seconds=1)])
@pytest.mark.parametrize(
    ("options", "name"),
    [
        *((ServerOptions, name) for name in SERVER_NUMBERS),
        *((ClientOptions, name) for name in CLIENT_NUMBERS),
    ],
)
def test_a_number_that_is_not_an_integer_is_refused(options, name: str, value: object) -> None:
    more = {"compressions": GZIP}
    if options is ClientOptions:
        more = {"codec": JsonCodec(), "accept_compression": GZIP}
    with pytest.raises(TypeError) as caught:
        options(**more, **{name: value})
    unit = "milliseconds, not seconds" if name.endswith("_ms") else "bytes"
    assert str(caught.value) == f"{name} must be an integer, in {unit}: {value!r}"


@pytest.mark.parametrize("name", SERVER_NUMBERS)
def test_a_number_of_a_server_may_be_zero(name: str) -> None:
    assert getattr(ServerOptions(compressions=GZIP, **{name: 0}), name) == 0


@pytest.mark.parametrize(
    ("default", "longest", "asked", "expected"),
    [
        (None, None, None, None),
        (None, None, 500_000, 500_000),
        (300_000, None, None, 300_000),
        (300_000, None, 500_000, 500_000),
        (None, 400_000, None, 400_000),
        (None, 400_000, 500_000, 400_000),
        (None, 400_000, 200_000, 200_000),
        (300_000, 400_000, None, 300_000),
        (500_000, 400_000, None, 400_000),
    ],
)
def test_the_deadline_follows_the_call_the_default_and_the_maximum(
    default: int | None, longest: int | None, asked: int | None, expected: int | None
) -> None:
    options = ServerOptions(compressions=GZIP, default_timeout_ms=default, max_timeout_ms=longest)
    deadline = options.deadline(asked)
    if expected is None:
        assert deadline is None
    else:
        assert deadline is not None
        assert deadline - time.monotonic() == pytest.approx(expected / 1000, abs=60)


@pytest.mark.parametrize(
    ("default", "longest", "may"),
    [(None, None, False), (1, None, True), (None, 1, True), (0, None, True), (None, 0, True)],
)
def test_a_call_without_a_timeout_may_have_a_deadline(
    default: int | None, longest: int | None, may: bool
) -> None:
    options = ServerOptions(compressions=GZIP, default_timeout_ms=default, max_timeout_ms=longest)
    assert options.may_have_deadline is may


def test_a_server_accepts_the_available_compressions_by_default() -> None:
    assert server_compressions(None).names == ("gzip", "br", "zstd")


def test_a_server_accepts_the_given_compressions() -> None:
    assert server_compressions(["zstd", Gzip(9)]).names == ("zstd", "gzip")


def test_a_server_may_accept_an_empty_list_of_compressions() -> None:
    assert server_compressions([]).names == ()


def test_a_server_needs_a_codec() -> None:
    with pytest.raises(ValueError, match="codecs must not be empty"):
        ServerOptions(compressions=GZIP, codecs=())


class Seven:
    """An integer of another library, such as numpy."""

    def __index__(self) -> int:
        return 7


@pytest.mark.parametrize("name", SERVER_NUMBERS)
def test_a_number_of_another_library_becomes_an_int(name: str) -> None:
    value = getattr(ServerOptions(compressions=GZIP, **{name: Seven()}), name)
    assert (value, type(value)) == (7, int)


@pytest.mark.parametrize("name", ["default_timeout_ms", "max_timeout_ms"])
def test_a_timeout_that_is_too_long_becomes_the_longest(name: str) -> None:
    deadline = ServerOptions(compressions=GZIP, **{name: 10**400}).deadline(None)
    assert deadline is not None
    assert deadline - time.monotonic() == pytest.approx(LONGEST_TIMEOUT_MS / 1000, abs=60)
