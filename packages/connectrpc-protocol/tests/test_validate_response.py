import pytest

from connectrpc_protocol import Code, Compressions, ConnectError
from connectrpc_protocol.validate_response import check_content_type, response_compression

ACCEPTED = Compressions(["gzip"])
EXPECTED = ["application/grpc", "application/grpc+proto"]


@pytest.mark.parametrize("encoding", ["", "identity"])
def test_a_response_without_compression_passes(encoding: str) -> None:
    assert response_compression(encoding, ACCEPTED) is None


def test_a_response_in_an_accepted_compression_passes() -> None:
    assert response_compression("gzip", ACCEPTED) is ACCEPTED.get("gzip")


def test_a_compression_that_the_client_does_not_accept_is_internal() -> None:
    with pytest.raises(ConnectError, match="the server used an unknown compression 'br'") as caught:
        response_compression("br", ACCEPTED)
    assert caught.value.code is Code.INTERNAL


@pytest.mark.parametrize(
    "content_type", ["application/grpc", "Application/GRPC+proto ; charset=utf-8"]
)
def test_an_expected_content_type_passes(content_type: str) -> None:
    check_content_type(content_type, EXPECTED, "application/grpc")


@pytest.mark.parametrize(
    ("content_type", "code"),
    [("application/grpc+json", Code.INTERNAL), ("text/html", Code.UNKNOWN), ("", Code.UNKNOWN)],
)
def test_an_unexpected_content_type_is_an_error_that_names_both(
    content_type: str, code: Code
) -> None:
    with pytest.raises(ConnectError) as caught:
        check_content_type(content_type, EXPECTED, "application/grpc")
    expected = "expected 'application/grpc' or 'application/grpc+proto'"
    assert caught.value.message == f"unexpected content type {content_type!r}, {expected}"
    assert caught.value.code is code
