"""The compression `deflate`. Source: RFC 9110, section 8.4.1.2."""

import zlib

import pytest

from connectrpc_protocol import (
    Deflate,
)

DEFLATE = Deflate()


def test_deflate_writes_the_zlib_format() -> None:
    assert zlib.decompress(DEFLATE.compress(b"data")) == b"data"


@pytest.mark.parametrize("limit", [None, 100])
def test_deflate_refuses_data_without_the_zlib_header(limit: int | None) -> None:
    bare = zlib.compress(b"data", wbits=-15)
    with pytest.raises(ValueError, match="header"):
        DEFLATE.decompress(bare, limit)


def test_deflate_refuses_a_second_stream() -> None:
    with pytest.raises(ValueError, match="data after the end"):
        DEFLATE.decompress(DEFLATE.compress(b"a") * 2, None)
