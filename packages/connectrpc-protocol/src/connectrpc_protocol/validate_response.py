"""What clients of every protocol ask of the head of an answer."""

from collections.abc import Collection

from connectrpc_protocol.code import Code
from connectrpc_protocol.encoding.compression import Compression, Compressions
from connectrpc_protocol.errors import ConnectError


def response_compression(encoding: str, accepted: Compressions) -> Compression | None:
    """The compression of an answer. Raises `ConnectError` (`internal`) for one we did not offer."""
    try:
        return accepted.get(encoding)
    except ConnectError as error:
        raise ConnectError(Code.INTERNAL, f"the server used an {error.message}") from None


def check_content_type(actual: str, expected: Collection[str], prefix: str) -> None:
    """Raises `ConnectError` for an answer that is not what was asked for.

    Where it does not even begin as those of the protocol do, it comes from something that is no
    server of it.
    """
    media_type = actual.partition(";")[0].strip().lower()
    if media_type not in expected:
        code = Code.INTERNAL if media_type.startswith(prefix) else Code.UNKNOWN
        wanted = " or ".join(map(repr, expected))
        raise ConnectError(code, f"content type {actual[:100]!r} instead of {wanted}")
