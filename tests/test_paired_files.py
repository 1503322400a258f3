"""The folders of a pair have files of the same names, so that a reader can compare them.

A file that one folder alone needs is listed here, with the reason.
"""

from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1] / "packages"

PAIRS = {
    "connectrpc-server/src/connectrpc_server": ("_asgi", "_wsgi"),
    "connectrpc-client/src/connectrpc_client": ("_async", "_sync"),
    "connectrpc-protocol/src/connectrpc_protocol": ("connect", "grpc", "grpc_web"),
}
UNPAIRED = {
    "connectrpc-server/src/connectrpc_server": {
        "_asgi/cancel_scope.py": "a sync handler cannot be cancelled",
        "_asgi/lifespan.py": "WSGI does not have startup and shutdown events",
        "_asgi/read_ahead.py": "WSGI does not report a disconnect while a handler runs",
        "_asgi/stepping.py": "only a coroutine can run in steps",
    },
    "connectrpc-client/src/connectrpc_client": {
        "_async/concurrency.py": "sync calls wait in the transports",
    },
    "connectrpc-protocol/src/connectrpc_protocol": {
        "connect/end_stream.py": "gRPC ends a stream with trailers",
        "connect/error_json.py": "gRPC sends errors in trailers",
        "connect/get_request.py": "gRPC does not have GET",
        "connect/timeout.py": "gRPC-Web uses the timeout of gRPC",
        "connect/trailer_prefix.py": "gRPC sends trailers after the body",
        "grpc/status.py": "Connect sends codes as names in JSON; gRPC-Web uses the status of gRPC",
        "grpc/status_details.py": "Connect sends details in JSON; gRPC-Web uses those of gRPC",
        "grpc/timeout.py": "gRPC-Web uses the timeout of gRPC",
        "grpc_web/text.py": "only gRPC-Web has a text format",
        "grpc_web/trailers.py": "only gRPC-Web sends trailers in the body",
    },
}


def unpaired_files(package: str) -> set[str]:
    """Return the files whose name is not in every folder of the pair."""
    folders = {name: PACKAGES / package / name for name in PAIRS[package]}
    names = {name: {path.name for path in folder.glob("*.py")} for name, folder in folders.items()}
    common = set.intersection(*names.values())
    assert common, f"no common files in {PAIRS[package]}"
    return {f"{folder}/{name}" for folder, files in names.items() for name in files - common}


@pytest.mark.parametrize("package", PAIRS)
def test_files_without_a_counterpart_are_listed(package: str) -> None:
    assert unpaired_files(package) == UNPAIRED[package].keys()
