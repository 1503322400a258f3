"""The compression `gzip`. Source: RFC 1952."""

import io

from connectrpc_protocol import (
    Gzip,
)

GZIP = Gzip()


def test_gzip_writes_a_header_without_a_time() -> None:
    # RFC 1952, section 2.3.1: MTIME zero means that no time stamp is available.
    assert GZIP.compress(b"data")[4:8] == b"\0\0\0\0"


def test_the_standard_library_reads_gzip() -> None:
    import gzip

    assert gzip.GzipFile(fileobj=io.BytesIO(GZIP.compress(b"data"))).read() == b"data"
