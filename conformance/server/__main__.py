"""The servers under test: `server.py MODULE [ARGUMENT ...]`, with what to serve on standard input.

The module is one of the folder `servers`; its function `serve` gets the arguments.
"""

import importlib
import os
import sys

from connectrpc.conformance.v1.server_compat_pb2 import ServerCompatRequest

from common.stdio import read_messages
from server.order import READ_MAX_BYTES, Order


def main() -> None:
    """Serve until SIGTERM."""
    name, *arguments = sys.argv[1:]
    request = next(read_messages(ServerCompatRequest))
    os.environ[READ_MAX_BYTES] = str(request.message_receive_limit)  # before the app is imported
    server = importlib.import_module(f"server.http_servers.{name}")
    server.serve(Order(request), *arguments)


if __name__ == "__main__":
    main()
