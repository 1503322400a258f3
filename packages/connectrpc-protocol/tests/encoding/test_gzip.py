"""The compression `gzip`. Source: RFC 1952."""

import io

from connectrpc_protocol import (
    Gzip,
)

GZIP = Gzip()


def test_gzip_has_no_time_in_its_header() -> None:
    # RFC 1952, section 2.3.1: MTIME zero means that no time stamp is available.
    assert GZIP.compress(b"data")[4:8] == b"\0\0\0\0"


def test_gzip_is_read_by_others() -> None:
    import gzip

    assert gzip.GzipFile(fileobj=io.BytesIO(GZIP.compress(b"data"))).read() == b"data"
