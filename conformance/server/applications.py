"""The applications under test: `asgi` and `wsgi`. HTTP servers import them, some by name."""

import os

from connectrpc.conformance.v1.service_connect_server import (
    ConformanceServiceASGIApplication,
    ConformanceServiceWSGIApplication,
)

from common.stall_report import report_on_request
from server.order import READ_MAX_BYTES
from server.service import Service, ServiceSync
from server.watched import watched_asgi, watched_wsgi

report_on_request()

_read_max_bytes = int(os.environ.get(READ_MAX_BYTES, "0")) or None
_compressions = ("gzip", "br", "zstd", "deflate", "snappy")

asgi = watched_asgi(
    ConformanceServiceASGIApplication(
        Service(),
        read_max_bytes=_read_max_bytes,
        compress_min_bytes=0,
        compressions=_compressions,
    )
)
wsgi = watched_wsgi(
    ConformanceServiceWSGIApplication(
        ServiceSync(),
        read_max_bytes=_read_max_bytes,
        compress_min_bytes=0,
        compressions=_compressions,
    )
)
