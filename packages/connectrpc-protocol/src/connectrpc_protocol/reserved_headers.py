"""The check that a caller does not set headers that HTTP or a protocol sets itself."""

from connectrpc_protocol import header_names
from connectrpc_protocol.headers import Headers

_ACCEPT_COMPRESSION = "use the client's option accept_compression"
_SEND_COMPRESSION = "use the client's option send_compression"
_TIMEOUT = "use timeout_ms"
_RESPONSE = "only responses have it; use a name of your own"
_INSTEAD = {
    header_names.ACCEPT_ENCODING: _ACCEPT_COMPRESSION,
    header_names.CONNECT_ACCEPT_ENCODING: _ACCEPT_COMPRESSION,
    header_names.GRPC_ACCEPT_ENCODING: _ACCEPT_COMPRESSION,
    header_names.CONTENT_ENCODING: _SEND_COMPRESSION,
    header_names.CONNECT_CONTENT_ENCODING: _SEND_COMPRESSION,
    header_names.GRPC_ENCODING: _SEND_COMPRESSION,
    header_names.CONNECT_TIMEOUT_MS: _TIMEOUT,
    header_names.GRPC_TIMEOUT: _TIMEOUT,
    header_names.CONTENT_TYPE: "use the client's options protocol and codec",
    header_names.CONNECT_PROTOCOL_VERSION: "use the client's option protocol",
    header_names.GRPC_STATUS: _RESPONSE,
    header_names.GRPC_MESSAGE: _RESPONSE,
    header_names.GRPC_STATUS_DETAILS: _RESPONSE,
    "date": _RESPONSE,
    "server": _RESPONSE,
    "host": "use the client's base_url",
}
# All others belong to the connection, such as `transfer-encoding`.
_HTTP = "the HTTP client sets it; use options of your own http_client"


def refuse_reserved(headers: Headers) -> None:
    """Raise `ValueError`, with what to use instead, for a name that is not sent as metadata."""
    if header_names.RESERVED.isdisjoint(headers):
        return
    name = next(each for each in headers if each in header_names.RESERVED)
    instead = _INSTEAD.get(name, _HTTP)
    raise ValueError(
        f"the header {name!r} cannot be set: {instead}; to forward the headers of another call, "
        "pass their metadata()"
    )
