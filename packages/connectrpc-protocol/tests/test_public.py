import subprocess
import sys

import pytest

import connectrpc_protocol


def test_all_is_sorted_and_complete() -> None:
    public = {
        name
        for name, value in vars(connectrpc_protocol).items()
        if not name.startswith("_")
        and getattr(value, "__name__", "") != f"connectrpc_protocol.{name}"
    }
    assert connectrpc_protocol.__all__ == sorted(public)


@pytest.mark.parametrize("name", connectrpc_protocol.__all__)
def test_every_public_name_exists(name: str) -> None:
    assert getattr(connectrpc_protocol, name) is not None


def test_the_package_does_not_import_sockets_or_an_event_loop() -> None:
    script = (
        "import sys, connectrpc_protocol.interceptors.chain\n"
        "import connectrpc_protocol.client, connectrpc_protocol.server\n"
        "print(sorted({'asyncio', 'socket', 'ssl'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
