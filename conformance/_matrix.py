"""What is tested: one row for each server and each client."""

from typing import Literal, NamedTuple

Side = Literal["server", "client"]


class Row(NamedTuple):
    """One program under test.

    `program` is the script and its arguments, `features` the file that says what it supports, both
    in this folder. `skip` holds patterns of the cases that meet a fault of the server which no
    feature names; `upstream/` shows it.
    """

    name: str
    side: Side
    program: tuple[str, ...]
    features: str
    skip: tuple[str, ...] = ()


def _server(name: str, features: str, *arguments: str, skip: tuple[str, ...] = ()) -> Row:
    return Row(name, "server", ("server.py", *arguments), f"features/{features}.yaml", skip)


def _client(library: str, color: str) -> Row:
    features = f"features/client-{library}.yaml"
    return Row(f"{library}-{color}", "client", ("client.py", library, color), features)


ROWS = (
    _server("uvicorn-zttp", "server-http2", "uvicorn", "zttp"),
    _server("uvicorn-httptools", "server-http1", "uvicorn", "httptools"),
    _server("uvicorn-h11", "server-http1", "uvicorn", "h11"),
    _server("pyvoy-asgi", "server-http3", "pyvoy", "asgi"),
    _server("hypercorn", "server-http2", "hypercorn"),
    # A client that gives up a call over HTTP/3 ends HTTP/3 for all: upstream/hypercorn_http3.py.
    _server("hypercorn-http3", "hypercorn-http3", "hypercorn", skip=("Timeouts/**",)),
    _server("granian", "granian", "granian"),
    _server("daphne", "daphne", "daphne"),
    _server("gunicorn-gthread", "server-http1", "gunicorn"),
    _server("pyvoy-wsgi", "server-http3", "pyvoy", "wsgi"),
    _client("pyqwest", "async"),
    _client("httpx", "async"),
    _client("pyqwest", "sync"),
    _client("httpx", "sync"),
)

# The quick profile is chosen by codec and compression alone: the binary codec with gzip, the JSON
# codec without compression. All protocols, versions of HTTP, kinds of stream and modes of TLS are
# in what is left.
QUICK_SKIP = (
    "**/Compression:COMPRESSION_BR/**",
    "**/Compression:COMPRESSION_ZSTD/**",
    "**/Codec:CODEC_PROTO/Compression:COMPRESSION_IDENTITY/**",
    "**/Codec:CODEC_JSON/Compression:COMPRESSION_GZIP/**",
)
