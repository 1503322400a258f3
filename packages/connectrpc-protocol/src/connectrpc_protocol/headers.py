"""Headers and trailers: the metadata of a call."""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import lru_cache
from typing import TypeAlias, TypeVar, cast, overload

from connectrpc_protocol.header_names import RESERVED

D = TypeVar("D")

RawHeaders: TypeAlias = Sequence[tuple[bytes, bytes]]
"""Headers as they are on the wire and in an ASGI scope. Names are in lower case."""

HeadersInput: TypeAlias = Mapping[str, str | Sequence[str]] | Iterable[tuple[str, str]]
"""Headers as users may pass them. Several values of one name are a sequence or several pairs."""

# RFC 9110, section 5.6.2 (token) and 5.5 (field-value).
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_PAIR_SIZE = 2  # a name and a value
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


class Headers(MutableMapping[str, str]):
    """A mapping whose keys ignore case and may have several values.

    Reading a key joins its values with `", "`, as HTTP does (RFC 9110, section 5.3). `get_all` and
    `multi_items` keep them apart. The values of names that end in `-bin` are base64 on the wire;
    `get_binary` and `add_binary` convert them.

    Raises `ValueError` for a name or a value that HTTP cannot carry, so a line feed in user data
    never becomes another header. It also raises `ValueError` for a `-bin` value that is not base64,
    because some implementations of gRPC end such a call without a reason. Raises `TypeError` for a
    value that is not a string. Spaces and tabs around a value are not a part of it (RFC 9110,
    section 5.5) and are removed.
    """

    __slots__ = ("_values",)

    def __init__(self, initial: HeadersInput = ()) -> None:
        self._values: dict[str, list[str]] = {}
        if not initial:
            return
        if isinstance(initial, Headers):
            initial = initial.multi_items()
        pairs = cast(
            "Iterable[tuple[str, str | Sequence[str]]]",
            initial.items() if isinstance(initial, Mapping) else _checked_pairs(initial),
        )
        for name, values in pairs:
            for value in values if isinstance(values, (list, tuple)) else (values,):
                self._add(name, value)

    @classmethod
    def from_raw(cls, raw: RawHeaders) -> "Headers":
        """Return headers from the wire. Unlike `add`, this accepts any bytes.

        Each byte becomes one character (ISO 8859-1; RFC 9110, section 5.5).
        """
        headers = cls()
        values = headers._values
        for name, value in raw:
            values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        return headers

    def metadata(self) -> Iterator[tuple[str, str]]:
        """Return one pair for each value that is the user's metadata.

        The names that HTTP and the protocols set themselves (`header_names.RESERVED`) are left out,
        so metadata that is copied from one call to another cannot damage the other.
        """
        return (pair for pair in self.multi_items() if pair[0] not in RESERVED)

    def add(self, name: str, value: str) -> None:
        """Append a value, and keep the values that the name already has.

        Raises `ValueError` if HTTP cannot carry the name or the value, or if the value of a `-bin`
        name is not base64.
        """
        self._add(name, value)

    def _add(self, name: str, value: object) -> None:
        key = self._key(name)
        checked = _checked_value(name, value)
        self._values.setdefault(key, []).append(checked)

    def _key(self, name: str) -> str:
        """Return the key of a name that is set. Subclasses refuse more names."""
        return checked_name(name)

    def get_all(self, name: str) -> list[str]:
        """Return all values of a name in order, or an empty list."""
        return list(self._values.get(name.lower(), ()))

    def multi_items(self) -> Iterator[tuple[str, str]]:
        """Return one pair for each value."""
        for name, values in self._values.items():
            for value in values:
                yield name, value

    def add_binary(self, name: str, value: bytes) -> None:
        """Append a binary value. Raises `ValueError` unless the name ends in `-bin`."""
        if not name.lower().endswith("-bin"):
            raise ValueError(f"the name of a binary header must end in '-bin': {name!r}")
        self.add(name, base64.b64encode(value).rstrip(b"=").decode())

    def get_binary(self, name: str) -> list[bytes]:
        """Return all values of a `-bin` name, decoded.

        One header may hold several values, separated by commas. Padding is optional (grpc/grpc,
        PROTOCOL-HTTP2.md, "Custom-Metadata"). Raises `ValueError` if a value is not base64.
        """
        return [part for value in self.get_all(name) for part in _decode_parts(value)]

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str) -> str: ...
    @overload
    def get(self, name: str, /, default: D) -> str | D: ...
    def get(self, name: str, /, default: str | D | None = None) -> str | D | None:
        """Return the joined values of a name, or `default` if it does not have any."""
        # `Mapping.get` is slower: it raises and catches an exception for a missing name.
        values = self._values.get(name.lower())
        return default if values is None else ", ".join(values)

    def __getitem__(self, name: str) -> str:
        return ", ".join(self._values[name.lower()])

    def __setitem__(self, name: str, value: str) -> None:
        key = self._key(name)
        self._values[key] = [_checked_value(name, value)]

    def __delitem__(self, name: str) -> None:
        del self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._values == other._values

    def __repr__(self) -> str:
        return f"Headers({list(self.multi_items())!r})"


def merged(*sources: Headers) -> Headers:
    """Return the values of several headers, without repeated pairs.

    A server may send the same pair as a header and as a trailer.
    """
    pairs = dict.fromkeys(pair for source in sources for pair in source.multi_items())
    return Headers.from_raw(raw_pairs(pairs))


def raw_pairs(pairs: Iterable[tuple[str, str]], prefix: bytes = b"") -> list[tuple[bytes, bytes]]:
    """Return headers for the wire, with a prefix before each name."""
    return [(prefix + name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]


def decode_base64(text: str) -> bytes:
    """Decode strict base64 with optional padding. Raises `ValueError` if it is malformed."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"invalid base64: {error}") from None


def _decode_parts(value: str) -> list[bytes]:
    return [decode_base64(part.strip()) for part in value.split(",")]


def _checked_pairs(pairs: object) -> Iterator[object]:
    """Yield the pairs. Raises `TypeError` for a value that is not pairs of a name and a value."""
    is_list = isinstance(pairs, Iterable) and not isinstance(pairs, str)
    for pair in cast("Iterable[object]", pairs if is_list else [pairs]):
        if not isinstance(pair, tuple | list) or len(cast("Sequence[object]", pair)) != _PAIR_SIZE:
            raise TypeError(f"headers must be a dict, or pairs of a name and a value, not {pair!r}")
        yield cast("object", pair)


@lru_cache(maxsize=1024)  # far more names than a program uses; the pattern takes longer
def checked_name(name: str) -> str:
    """Return a name in lower case. Raises `ValueError` if HTTP cannot carry it."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"the name of a header must be a string: {name!r}")
    if not _NAME.fullmatch(name):
        # RFC 9113, section 8.3.
        hint = "; a pseudo-header follows from the URL of the call" if name[:1] == ":" else ""
        raise ValueError(f"invalid header name: {name!r}{hint}")
    return name.lower()


def _checked_value(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"the value of header {name!r} must be a string: {value!r}")
    if not _VALUE.fullmatch(value):
        raise ValueError(
            f"invalid character in the value of header {name!r}; a '-bin' header holds any bytes"
        )
    if name[-4:].lower() == "-bin":
        try:
            _decode_parts(value)
        except ValueError as error:
            raise ValueError(f"the value of header {name!r}: {error}; add_binary encodes") from None
    return value.strip(" \t")
