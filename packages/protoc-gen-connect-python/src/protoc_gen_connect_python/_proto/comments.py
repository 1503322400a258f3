"""Turns the comments of a proto file into docstrings that formatters leave unchanged."""

import inspect
import re

# All control characters but the line feed, the other characters that some tools treat as the end of
# a line (U+2028 and U+2029), and characters that hide or reorder text.
_UNSAFE = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u200f\u2028-\u202e\u2066-\u2069]")


def clean(comment: str) -> str:
    """Return the comment without the white space that its place in the source gave it.

    As in a docstring, the lines after the first one keep their indentation relative to each other.
    """
    text = inspect.cleandoc(comment.replace("\r\n", "\n").expandtabs(4).lstrip())
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def docstring(text: str) -> str:
    """Return a docstring with this text, including its quotes; empty if the text is empty.

    The value of the string literal is the text, whichever characters the text contains.
    """
    body = _escape(text)
    if not body:
        return ""
    if "\n" in body:
        return f'"""{body}\n"""'
    return f'"""{body}"""'


def _escape(text: str) -> str:
    # A quote at either end would merge with the quotes around the docstring.
    first, text = ('\\"', text[1:]) if text.startswith('"') else ("", text)
    text, last = (text[:-1], '\\"') if text.endswith('"') else (text, "")
    body = text.replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return first + _UNSAFE.sub(_escape_character, body) + last


def _escape_character(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode("ascii")
