import keyword

import pytest

import connectrpc_client
from protoc_gen_connect_python import RESERVED_CLIENT_NAMES
from protoc_gen_connect_python._naming.keywords import HARD_KEYWORDS, is_identifier


def test_keywords_include_those_of_the_running_python() -> None:
    assert set(keyword.kwlist) <= HARD_KEYWORDS


def test_reserved_names_include_the_public_methods_of_clients() -> None:
    clients = (connectrpc_client.Client, connectrpc_client.ClientSync)
    public = {name for client in clients for name in dir(client) if not name.startswith("_")}
    assert public <= RESERVED_CLIENT_NAMES


@pytest.mark.parametrize(
    ("name", "expected"),
    [("eliza", True), ("match", True), ("lambda", False), ("None", False), ("2fa", False)],
)
def test_is_identifier(name: str, expected: bool) -> None:
    assert is_identifier(name) == expected
