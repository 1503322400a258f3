"""The checks of a response head that clients of every protocol make."""

from collections.abc import Collection

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.compression import Compression, Compressions
from connectrpc_protocol.errors import ConnectError


def response_compression(encoding: str, accepted: Compressions) -> Compression | None:
    """Return the compression of a response.

    Raises `ConnectError` (`internal`) for one that the client does not accept.
    """
    try:
        return accepted.get(encoding)
    except ConnectError as error:
        raise ConnectError(Code.INTERNAL, f"the server used an {error.message}") from None


def check_content_type(actual: str, expected: Collection[str], prefix: str) -> None:
    """Raise `ConnectError` if the response has another content type than those expected.

    The code is `internal` if the content type begins with the prefix of the protocol. Otherwise it
    is `unknown`: something else responded, such as a proxy with a page of its own.
    """
    media_type = actual.partition(";")[0].strip().lower()
    if media_type not in expected:
        code = Code.INTERNAL if media_type.startswith(prefix) else Code.UNKNOWN
        wanted = " or ".join(map(repr, expected))
        raise ConnectError(code, f"unexpected content type {actual[:100]!r}, expected {wanted}")
