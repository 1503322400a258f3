"""The rows: one for each server and each client under test, with their numbers of cases."""

from typing import Literal, NamedTuple

Side = Literal["server", "client"]


class Cases(NamedTuple):
    """The number of cases without deflate and snappy: all, and those of the quick profile."""

    whole: int
    quick: int


class Row(NamedTuple):
    """One program under test.

    `program` names the package to run, `server` or `client`, and its arguments. `features` is the
    file that lists what the program supports. `cases` is the number of cases that the suite
    derives from that file and from `skip`. `skip` holds patterns of the cases that fail because of
    a fault of the server, if no feature covers them; a program in `upstream/` shows the fault.
    """

    name: str
    side: Side
    program: tuple[str, ...]
    features: str
    cases: Cases
    skip: tuple[str, ...] = ()


# If a features file lost a feature, all remaining cases would still pass. These numbers make such
# a loss a failure.
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


def _client(library: str, kind: Literal["async", "sync"]) -> Row:
    features = f"client-{library}"
    program = ("client", library, kind)
    return Row(
        f"{library}-{kind}", "client", program, f"features/{features}.yaml", _CASES[features]
    )


ROWS = (
    _server("uvicorn-zttp", "server-http2", "uvicorn", "zttp"),
    _server("uvicorn-httptools", "server-http1", "uvicorn", "httptools"),
    _server("uvicorn-h11", "server-http1", "uvicorn", "h11"),
    _server("pyvoy-asgi", "server-http3", "pyvoy", "asgi"),
    _server("hypercorn", "server-http2", "hypercorn"),
    # After one client cancels a call over HTTP/3, Hypercorn stops serving HTTP/3 to all clients;
    # see upstream/hypercorn_http3.py.
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

# The quick profile selects by codec and compression alone: the binary codec with gzip, the JSON
# codec without compression. It keeps all protocols, versions of HTTP, kinds of stream and modes of
# TLS.
QUICK_SKIP = (
    "**/Compression:COMPRESSION_BR/**",
    "**/Compression:COMPRESSION_ZSTD/**",
    "**/Codec:CODEC_PROTO/Compression:COMPRESSION_IDENTITY/**",
    "**/Codec:CODEC_JSON/Compression:COMPRESSION_GZIP/**",
)
