"""The command: reads a request from standard input and writes the response to standard output."""

import sys
from collections.abc import Sequence

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest
from google.protobuf.message import DecodeError

from protoc_gen_connect_python._distribution import NAME, VERSION
from protoc_gen_connect_python._options import KNOWN_OPTIONS
from protoc_gen_connect_python._plugin import respond

_HELP = f"""\
{NAME} generates typed Connect RPC clients and servers for Python.

It is a plugin for protoc and buf, which run it and send a request to its standard input:

    protoc --python_out=gen --pyi_out=gen --connect-python_out=gen acme/eliza/v1/eliza.proto
    protoc --connect-python_out=side=client,io=async:gen ...

Options of the plugin: {KNOWN_OPTIONS}

Options of this command: --help, --version
"""


def main() -> None:
    """Run the command and exit; this is the console script."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command with these arguments and return its exit status."""
    if arguments:
        return _run_option(arguments[0])
    if sys.stdin.isatty():
        print(_HELP, end="", file=sys.stderr)
        return 2
    try:
        request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    except (DecodeError, RecursionError):  # protobuf 5.29.0 in pure Python does not count levels
        return _fail("standard input does not contain a request from protoc; see --help")
    sys.stdout.buffer.write(respond(request).SerializeToString(deterministic=True))
    sys.stdout.flush()
    return 0


def _run_option(argument: str) -> int:
    if argument in ("-h", "--help"):
        print(_HELP, end="")
    elif argument in ("-V", "--version"):
        print(NAME, VERSION)
    else:
        return _fail(f"unknown argument {argument!r}; see --help")
    return 0


def _fail(message: str) -> int:
    print(f"{NAME}: {message}", file=sys.stderr)
    return 2
