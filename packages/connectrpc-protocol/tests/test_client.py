import pytest

from connectrpc_protocol.client import client_protocol


@pytest.mark.parametrize("name", ["connect", "grpc", "grpc-web"])
def test_client_protocol_finds_a_protocol_by_its_name(name: str) -> None:
    assert client_protocol(name).name == name


def test_an_unknown_protocol_is_a_value_error_that_lists_the_known_names() -> None:
    with pytest.raises(
        ValueError, match="unknown protocol 'soap'; known: 'connect', 'grpc', 'grpc-web'"
    ):
        client_protocol("soap")
