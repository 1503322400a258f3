"""Compression of messages, with a bound on what a message may grow to."""

import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Protocol

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.snappy import Snappy
from connectrpc_protocol.errors import ConnectError, too_large


class Compression(Protocol):
    """A way to compress messages.

    `name` is the name on the wire. `decompress` must stop as soon as the output exceeds `limit`
    bytes (`None` for no limit) and raise `too_large(limit)`, and raise `ValueError` for data that
    is corrupt, truncated or followed by other data. An object has no state and may be called from
    any thread.
    """

    @property
    def name(self) -> str:
        """The name on the wire."""
        ...

    def compress(self, data: bytes) -> bytes:
        """The compressed data; the same bytes for the same data."""
        ...

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        """The original data."""
        ...


class Gzip:
    """RFC 1952. The header holds no time, so that equal messages stay equal when compressed."""

    name = "gzip"

    def __init__(self, level: int = 6) -> None:
        self._level = level

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data, self._level, wbits=31)

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        # A gzip file may hold several members (RFC 1952, section 2.2).
        parts: list[bytes] = []
        size = 0
        member = zlib.decompressobj(wbits=31)
        for chunk in _chunks(data):
            rest = chunk
            while rest:
                if member.eof:
                    member = zlib.decompressobj(wbits=31)
                try:
                    part = member.decompress(rest, 0 if limit is None else limit - size + 1)
                except zlib.error as error:
                    raise ValueError(str(error)) from None
                size += len(part)
                if limit is not None and size > limit:
                    raise too_large(limit)
                parts.append(part)
                rest = member.unused_data
        if not member.eof:
            raise ValueError("truncated gzip data")
        return b"".join(parts)


class Deflate:
    """RFC 9110, section 8.4.1.2: the zlib format of RFC 1950, which ends with a checksum.

    Bare RFC 1951 data, which some programs send under this name, is refused.
    """

    name = "deflate"

    def __init__(self, level: int = 6) -> None:
        self._level = level

    def compress(self, data: bytes) -> bytes:
        return zlib.compress(data, self._level)

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        decompressor = zlib.decompressobj()
        try:
            output = decompressor.decompress(data, 0 if limit is None else limit + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        if limit is not None and len(output) > limit:
            raise too_large(limit)
        if not decompressor.eof:
            raise ValueError("truncated deflate data")
        if decompressor.unused_data:
            raise ValueError("data after the end of the deflate data")
        return output


class Brotli:
    """RFC 7932; needs the extra `brotli`."""

    name = "br"

    def __init__(self, quality: int = 4) -> None:
        self._quality = quality

    def compress(self, data: bytes) -> bytes:
        import brotli

        return brotli.compress(data, quality=self._quality)

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        import brotli

        decompressor = brotli.Decompressor()
        try:
            if limit is None:
                output = decompressor.process(data)
            else:
                output = decompressor.process(data, output_buffer_limit=limit + 1)
        except brotli.error:
            raise ValueError("corrupt brotli data") from None
        if limit is not None and len(output) > limit:
            raise too_large(limit)
        if not decompressor.is_finished():
            raise ValueError("truncated brotli data")
        return output


class Zstd:
    """RFC 8878; needs the extra `zstd`.

    Several frames are one message and skippable frames are skipped (RFC 8878, section 3.1). A frame
    whose window exceeds 8 MiB is refused, as RFC 9659 asks for content on the web.
    """

    name = "zstd"

    def __init__(self, level: int = 3) -> None:
        self._level = level

    def compress(self, data: bytes) -> bytes:
        import zstandard

        return zstandard.ZstdCompressor(level=self._level).compress(data)

    def decompress(self, data: bytes, limit: int | None) -> bytes:
        import zstandard

        decompressor = zstandard.ZstdDecompressor(max_window_size=8 * 1024 * 1024)
        parts: list[bytes] = []
        try:
            if limit is not None:
                # Only this reader bounds its output, and only the object below tells whether a
                # frame is whole: it runs once the size is known to be within the limit.
                with decompressor.stream_reader(data, read_across_frames=True) as reader:
                    if not _reads_within(reader.read, limit):
                        raise too_large(limit)
            frame = decompressor.decompressobj()
            for chunk in _chunks(data):
                rest = chunk
                while rest:
                    if frame.eof:
                        frame = decompressor.decompressobj()
                    parts.append(frame.decompress(rest))
                    rest = frame.unused_data
        except zstandard.ZstdError as error:
            raise ValueError(str(error)) from None
        if not frame.eof:
            raise ValueError("truncated zstd data")
        return b"".join(parts)


_INPUT_STEP = 16 * 1024
_ZSTD_STEP = 1024 * 1024

# The module that each compression imports, and the extra that brings it.
_OPTIONAL = {
    "br": ("brotli", "brotli"),
    "snappy": ("cramjam", "snappy"),
    "zstd": ("zstandard", "zstd"),
}
_USUAL: tuple[Compression, ...] = (Gzip(), Brotli(), Zstd())
_KNOWN: dict[str, Compression] = {each.name: each for each in (*_USUAL, Deflate(), Snappy())}
IDENTITY = "identity"

# RFC 9110, section 12.4.2.
_WEIGHT = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


def _chunks(data: bytes) -> Iterator[bytes]:
    """The data in parts so small that copying what follows each of many tiny members is cheap."""
    if len(data) <= _INPUT_STEP:
        return iter((data,))
    return (data[start : start + _INPUT_STEP] for start in range(0, len(data), _INPUT_STEP))


def _reads_within(read: Callable[[int], bytes], limit: int) -> bool:
    size = 0
    while part := read(_ZSTD_STEP):
        size += len(part)
        if size > limit:
            return False
    return True


def available_compressions() -> tuple[Compression, ...]:
    """What is offered by default: gzip, and brotli and zstd where their extras are installed.

    `deflate` and `snappy` are for those who ask for them by name: the one compresses no better than
    gzip and names two formats in practice, the other is known to few clients.
    """
    return tuple(each for each in _USUAL if _is_installed(each.name))


def resolve_compression(compression: "str | Compression") -> Compression:
    """The compression of that name, or the given object.

    Raises `ValueError` for an unknown name and `ImportError`, naming the extra to install, for one
    whose library is missing.
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
    """The compressions one side accepts, in order of preference.

    `header` is the value of an Accept-Encoding that says so.
    """

    __slots__ = ("_by_name", "header", "names")

    def __init__(self, compressions: Iterable[str | Compression]) -> None:
        if isinstance(compressions, str):
            raise TypeError(f"compressions are a list of names: [{compressions!r}]")
        resolved = [resolve_compression(each) for each in compressions]
        self._by_name = {each.name: each for each in resolved}
        self.names: Sequence[str] = tuple(self._by_name)
        self.header = ", ".join(self.names) or IDENTITY

    def get(self, name: str) -> Compression | None:
        """The compression of that name; `None` for identity.

        Raises `ConnectError` (`unimplemented`) that lists the supported names.
        """
        if name in ("", IDENTITY):
            return None
        found = self._by_name.get(name)
        if found is None:
            supported = ", ".join((*self.names, IDENTITY))
            raise ConnectError(
                Code.UNIMPLEMENTED, f"unknown compression {name[:40]!r}; supported: {supported}"
            )
        return found

    def negotiate(self, accepted: str) -> Compression | None:
        """The peer's favourite among these, from its Accept-Encoding (RFC 9110, section 12.5.3).

        Names without a weight are as welcome as each other; the first listed wins.
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
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    return float(value) if _WEIGHT.fullmatch(value.strip()) else 0.0
