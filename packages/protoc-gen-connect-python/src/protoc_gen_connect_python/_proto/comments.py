"""Turns the comments of a proto file into docstrings that formatters leave unchanged."""

import inspect
import unicodedata

# Characters that some tools treat as the end of a line, and characters that hide or reorder text.
_LINE_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_INVISIBLE = frozenset(map(chr, [0x200B, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


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
    return first + "".join(map(_visible, body)) + last


def _visible(char: str) -> str:
    if char == "\n" or not (char in _INVISIBLE or unicodedata.category(char) in _LINE_BREAKS):
        return char
    return char.encode("unicode_escape").decode("ascii")
