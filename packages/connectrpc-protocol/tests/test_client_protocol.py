import pytest

from connectrpc_protocol.client import client_protocol


@pytest.mark.parametrize("name", ["connect", "grpc", "grpc-web"])
def test_a_protocol_is_known_by_its_name(name: str) -> None:
    protocol = client_protocol(name)
    assert (protocol.name, protocol.needs_trailers) == (name, name == "grpc")
    assert protocol.has_get == (name == "connect")


def test_an_unknown_protocol_names_the_known() -> None:
    with pytest.raises(
        ValueError, match="unknown protocol 'soap'; known: 'connect', 'grpc', 'grpc-web'"
    ):
        client_protocol("soap")
