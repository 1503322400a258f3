"""Start a server under test: `python -m server HTTP_SERVER [ARGUMENT ...]`.

HTTP_SERVER is a module of `server.http_servers`; its function `serve` gets the arguments. The
suite's runner sends the order on standard input.
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
    # `server.applications` reads the variable when it is imported, so set it before.
    os.environ[READ_MAX_BYTES] = str(request.message_receive_limit)
    http_server = importlib.import_module(f"server.http_servers.{name}")
    http_server.serve(Order(request), *arguments)


if __name__ == "__main__":
    main()
