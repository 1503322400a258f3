"""The checks of a response head that are the same for clients of every protocol."""

from collections.abc import Collection

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.compression import Compression, Compressions
from connectrpc_protocol.errors import ConnectError, quoted


def response_compression(encoding: str, accepted: Compressions) -> Compression | None:
    """Return the compression of a response.

    Raises `ConnectError` (`internal`) if the client does not accept it.
    """
    try:
        return accepted.get(encoding)
    except ConnectError as error:
        raise ConnectError(Code.INTERNAL, f"the server used an {error.message}") from None


def check_content_type(actual: str, expected: Collection[str], prefix: str) -> None:
    """Raise `ConnectError` if the response does not have one of the expected content types.

    The code is `internal` if the content type begins with the prefix of the protocol. Otherwise it
    is `unknown`: something else responded, such as a proxy with a page of its own.
    """
    media_type = media_type_of(actual)
    if media_type not in expected:
        code = Code.INTERNAL if media_type.startswith(prefix) else Code.UNKNOWN
        names = " or ".join(map(repr, expected))
        raise ConnectError(code, f"unexpected content type {quoted(actual)}, expected {names}")


def media_type_of(content_type: str) -> str:
    """Return the media type in lower case, without parameters (RFC 9110, section 8.3.1)."""
    return content_type.partition(";")[0].strip().lower()
