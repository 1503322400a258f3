import pytest

from connectrpc_protocol.client import ClientProtocol


def test_connect_is_known() -> None:
    assert ClientProtocol("connect").name == "connect"


def test_an_unknown_protocol_names_the_known() -> None:
    with pytest.raises(ValueError, match="unknown protocol 'soap'; known: 'connect'"):
        ClientProtocol("soap")
