"""The exceptions of Protobuf for malformed bytes."""

from google.protobuf.message import DecodeError

# Protobuf refuses messages that are nested more than 100 levels deep with a `DecodeError`. Its pure
# Python implementation before 5.29.5 and 6.31.1 does not count the levels: a hostile peer can nest
# a message deeper than the stack.
PARSE_ERRORS = (DecodeError, RecursionError)


def parse_error_reason(error: Exception) -> str:
    """Return why a message could not be parsed, for the text of an error."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
