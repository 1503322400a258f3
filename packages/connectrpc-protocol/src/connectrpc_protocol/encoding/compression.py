"""Compressions by name, and the choice of one that both sides have."""

import re
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from typing import Protocol

from connectrpc_protocol.argument_checks import as_tuple
from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.brotli import Brotli
from connectrpc_protocol.encoding.deflate import Deflate
from connectrpc_protocol.encoding.gzip import Gzip
from connectrpc_protocol.encoding.snappy import Snappy
from connectrpc_protocol.encoding.zstd import Zstd
from connectrpc_protocol.errors import ConnectError, quoted
from connectrpc_protocol.names import CompressionName


class Compression(Protocol):
    """A way to compress messages. It must be stateless: any thread may call it."""

    @property
    def name(self) -> str:
        """The name on the wire."""
        ...

    def compress(self, data: bytes) -> bytes:
        """Return the compressed data: the same bytes for the same data."""
        ...

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        """Return the original data.

        It must stop as soon as the output exceeds `limit` bytes (`None` for no limit) and raise
        `too_large(limit)`. It must raise `ValueError` if the data is corrupt, truncated or followed
        by other data.
        """
        ...


IDENTITY = "identity"

# The module that each compression imports, and the extra that installs it.
_OPTIONAL = {
    "br": ("brotli", "brotli"),
    "snappy": ("cramjam", "snappy"),
    "zstd": ("zstandard", "zstd"),
}
_OFFERED: tuple[Compression, ...] = (Gzip(), Brotli(), Zstd())
_KNOWN: dict[str, Compression] = {
    compression.name: compression for compression in (*_OFFERED, Deflate(), Snappy())
}

# RFC 9110, section 12.4.2.
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def available_compressions() -> tuple[Compression, ...]:
    """Return the default compressions: gzip, and brotli and zstd if their extras are installed.

    `deflate` and `snappy` are used only if they are given by name. `deflate` does not compress
    better than gzip, and programs disagree on its format. Few clients have `snappy`.
    """
    return tuple(compression for compression in _OFFERED if _is_installed(compression.name))


def resolve_compression(compression: CompressionName | Compression) -> Compression:
    """Return the compression of that name, or the given object.

    Raises `ValueError` for an unknown name. Raises `ImportError`, with the extra to install, if the
    library of the compression is missing.
    """
    if not isinstance(compression, str):
        return compression
    known = _KNOWN.get(compression)
    if known is None:
        names = ", ".join(repr(name) for name in _KNOWN)
        raise ValueError(f"unknown compression {compression!r}; known by name: {names}")
    if not _is_installed(compression):
        extra = _OPTIONAL[compression][1]
        raise ImportError(
            f"compression {compression!r} needs an extra: pip install connectrpc-protocol[{extra}]"
        )
    return known


def _is_installed(name: str) -> bool:
    return name not in _OPTIONAL or find_spec(_OPTIONAL[name][0]) is not None


class Compressions:
    """The compressions that one side accepts, in order of preference.

    `names` are their names. `header` is the value of an Accept-Encoding header that lists them.
    """

    __slots__ = ("_by_name", "header", "names")

    def __init__(self, compressions: Iterable[CompressionName | Compression]) -> None:
        given = as_tuple("compressions", compressions)
        resolved = [resolve_compression(compression) for compression in given]
        self._by_name = {compression.name: compression for compression in resolved}
        self.names: Sequence[str] = tuple(self._by_name)
        self.header = ", ".join(self.names) or IDENTITY

    def get(self, name: str) -> Compression | None:
        """Return the compression of that name, or `None` for identity.

        Raises `ConnectError` (`unimplemented`), which lists the supported names, for another name.
        """
        if name in ("", IDENTITY):
            return None
        found = self._by_name.get(name)
        if found is None:
            supported = ", ".join((*self.names, IDENTITY))
            raise ConnectError(
                Code.UNIMPLEMENTED, f"unknown compression {quoted(name)}; supported: {supported}"
            )
        return found

    def negotiate(self, accepted: str) -> Compression | None:
        """Return the compression that the peer prefers, or `None` if it accepts none of these.

        `accepted` is the value of its Accept-Encoding (RFC 9110, section 12.5.3). A name without a
        weight has the weight 1. Among equal weights, the first one in `accepted` wins.
        """
        best, best_weight = None, 0.0
        for item in accepted.split(","):
            name, _, parameter = item.partition(";")
            found = self._by_name.get(name.strip().lower())
            weight = _weight(parameter)
            if found is not None and weight > best_weight:
                best, best_weight = found, weight
        return best


def _weight(parameter: str) -> float:
    """Return the weight of a name. A malformed weight is 0, so the name is not accepted."""
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    return float(value) if _WEIGHT.fullmatch(value.strip()) else 0.0
