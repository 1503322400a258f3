import pytest

from connectrpc_protocol import Headers
from connectrpc_protocol.header_names import RESERVED
from connectrpc_protocol.reserved_headers import refuse_reserved


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_a_reserved_name_is_a_value_error(name: str) -> None:
    value = "YQ" if name.endswith("-bin") else "1"
    with pytest.raises(ValueError, match=f"the header '{name}' cannot be set: .*; to forward"):
        refuse_reserved(Headers({"x-a": "1", name.title(): value}))


def test_the_error_names_the_option_to_use() -> None:
    with pytest.raises(ValueError, match="use timeout_ms"):
        refuse_reserved(Headers({"Grpc-Timeout": "1S"}))


def test_metadata_is_accepted() -> None:
    refuse_reserved(Headers({"x-a": "1", "user-agent": "mine", "authorization": "token"}))
