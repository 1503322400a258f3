"""What is tested: one row for each server and each client."""

from typing import Literal, NamedTuple

Side = Literal["server", "client"]


class Cases(NamedTuple):
    """How many cases there are, without deflate and snappy: all, and those of the quick profile."""

    whole: int
    quick: int


class Row(NamedTuple):
    """One program under test.

    `program` is the package to run and its arguments, `features` the file that says what it
    supports, both in the folder `conformance`. `cases` is what the suite makes of that file and of `skip`, which holds patterns
    of the cases that meet a fault of the server which no feature names; `upstream/` shows it.
    """

    name: str
    side: Side
    program: tuple[str, ...]
    features: str
    cases: Cases
    skip: tuple[str, ...] = ()


# Written down, so that a feature which is lost from a file does not go unseen: all of the cases
# that are left would pass.
_CASES = {
    "server-http1": Cases(2716, 764),
    "server-http2": Cases(7268, 2102),
    "server-http3": Cases(8786, 2528),
    "hypercorn-http3": Cases(1302, 368),
    "granian": Cases(5736, 1612),
    "daphne": Cases(4050, 1140),
    "client-pyqwest": Cases(10710, 3124),
    "client-httpx": Cases(6688, 1976),
}


def _server(name: str, features: str, *arguments: str, skip: tuple[str, ...] = ()) -> Row:
    program = ("server", *arguments)
    return Row(name, "server", program, f"features/{features}.yaml", _CASES[features], skip)


def _client(library: str, color: str) -> Row:
    features = f"client-{library}"
    program = ("client", library, color)
    return Row(
        f"{library}-{color}", "client", program, f"features/{features}.yaml", _CASES[features]
    )


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
