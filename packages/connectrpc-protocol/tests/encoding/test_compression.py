"""Compressions by name, and the choice of one that both sides know."""

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectrpc_protocol import (
    Brotli,
    Code,
    Compressions,
    ConnectError,
    Gzip,
    Zstd,
    available_compressions,
    resolve_compression,
)

from ..helpers import bounded

OFFERED = [Gzip(), Brotli(), Zstd()]


def test_gzip_br_and_zstd_are_available_if_the_extras_are_installed() -> None:
    assert [compression.name for compression in available_compressions()] == ["gzip", "br", "zstd"]


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes a library look as if it were not installed."""

    def hide(library: str) -> None:
        find_spec = importlib.util.find_spec

        def found(name: str, package: str | None = None) -> ModuleSpec | None:
            return None if name == library else find_spec(name, package)

        monkeypatch.setattr("connectrpc_protocol.encoding.compression.find_spec", found)

    return hide


@pytest.mark.parametrize(
    ("library", "left"), [("brotli", ["gzip", "zstd"]), ("zstandard", ["gzip", "br"])]
)
def test_a_compression_without_its_library_is_not_available(
    without: Callable[[str], None], library: str, left: list[str]
) -> None:
    without(library)
    assert [compression.name for compression in available_compressions()] == left


@pytest.mark.parametrize(
    ("library", "name", "extra"),
    [("brotli", "br", "brotli"), ("zstandard", "zstd", "zstd"), ("cramjam", "snappy", "snappy")],
)
def test_a_missing_library_is_an_import_error_that_names_the_extra(
    without: Callable[[str], None], library: str, name: str, extra: str
) -> None:
    without(library)
    with pytest.raises(ImportError, match=rf"pip install connectrpc-protocol\[{extra}\]"):
        resolve_compression(name)


def test_the_extras_are_not_imported_before_they_are_used() -> None:
    script = (
        "import sys, connectrpc_protocol as c\n"
        "c.Compressions([*c.available_compressions(), 'snappy'])\n"
        "print(sorted({'brotli', 'cramjam', 'zstandard'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["gzip", "br", "zstd", "deflate", "snappy"])
def test_resolve_compression_finds_a_compression_by_its_name(name: str) -> None:
    assert resolve_compression(name).name == name


def test_resolve_compression_returns_an_object_unchanged() -> None:
    own = Gzip(9)
    assert resolve_compression(own) is own


def test_an_unknown_compression_is_a_value_error_that_lists_the_known_names() -> None:
    known = "'gzip', 'br', 'zstd', 'deflate', 'snappy'"
    with pytest.raises(ValueError, match=f"unknown compression 'lzma'; known by name: {known}"):
        resolve_compression("lzma")


def test_compressions_keep_their_order() -> None:
    assert Compressions(["zstd", "gzip"]).names == ("zstd", "gzip")


def test_a_single_string_is_not_a_list_of_names() -> None:
    with pytest.raises(TypeError, match=r"must be a list: compressions=\['gzip'\]"):
        Compressions("gzip")


@pytest.mark.parametrize("name", ["", "identity"])
def test_get_returns_none_for_identity(name: str) -> None:
    assert Compressions(["gzip"]).get(name) is None


def test_get_returns_the_compression_of_a_name() -> None:
    own = Gzip(1)
    assert Compressions([own]).get("gzip") is own


def test_get_refuses_an_unknown_name_and_lists_the_supported() -> None:
    with pytest.raises(
        ConnectError, match="unknown compression 'lzma'; supported: gzip, br, identity"
    ) as caught:
        Compressions(["gzip", "br"]).get("lzma")
    assert caught.value.code is Code.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("identity", None),
        ("deflate", None),
        ("gzip", "gzip"),
        ("GZip", "gzip"),
        ("br,gzip", "br"),
        ("gzip, br", "gzip"),
        ("deflate, lzma , zstd", "zstd"),
        ("gzip;q=0.5, br;q=0.9", "br"),
        ("gzip;q=0.5, br", "br"),
        ("gzip;q=0", None),
        ("gzip;q=0.000, br;q=0.001", "br"),
        ("gzip ; Q=0.1, br ; q = 0.2", "br"),
        ("gzip;q=1.000, br;q=1", "gzip"),
        ("gzip;level=9", "gzip"),
        ("gzip;q=high", None),
        ("gzip;q=", None),
        ("gzip;q=nan", None),
        ("gzip;q=inf, br", "br"),
        ("gzip;q=1_0, br", "br"),
        ("gzip;q=2, br;q=0.1", "br"),
        ("gzip;q=-1", None),
        (",,;,;;q=1,gzip", "gzip"),
    ],
)
def test_negotiate_chooses_the_compression_that_the_peer_prefers(
    accepted: str, chosen: str | None
) -> None:
    compression = Compressions(["gzip", "br", "zstd"]).negotiate(accepted)
    assert (None if compression is None else compression.name) == chosen


@bounded
@given(
    st.text(st.characters(max_codepoint=255), max_size=60)
    | st.text("gzipbr;q=0.1, \t", max_size=30)
)
def test_negotiate_returns_an_accepted_compression_or_none_for_any_header(accepted: str) -> None:
    compression = Compressions(OFFERED).negotiate(accepted)
    assert compression is None or compression in OFFERED


weights = st.integers(0, 1000).map(lambda thousandth: thousandth / 1000)


@bounded
@given(
    st.permutations(["gzip", "br", "zstd", "deflate"]), st.lists(weights, min_size=4, max_size=4)
)
def test_the_highest_weight_wins_and_then_the_first(names: list[str], given_weights) -> None:
    offered = list(zip(names, given_weights, strict=True))
    accepted = ", ".join(f"{name};q={weight:.3f}" for name, weight in offered)
    ours = [(name, weight) for name, weight in offered if name != "deflate" and weight > 0]
    best = max(ours, key=lambda pair: pair[1], default=None)
    chosen = Compressions(OFFERED).negotiate(accepted)
    assert (chosen.name if chosen else None) == (best[0] if best else None)
