"""Comments of a proto file as docstrings that a formatter leaves alone."""

import inspect
import unicodedata

# Characters that break lines for some readers, and those that reorder or hide text.
_BREAKS = frozenset({"Cc", "Zl", "Zp"})
_INVISIBLE = frozenset(map(chr, [0x200B, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]))


def clean(comment: str) -> str:
    """The comment without the white space that its place in the source gave it.

    As in a docstring, the lines after the first one keep their indentation among each other.
    """
    text = inspect.cleandoc(comment.replace("\r\n", "\n").expandtabs(4).lstrip())
    return "\n".join(line.rstrip() for line in text.split("\n")).strip()


def docstring(text: str) -> str:
    """A docstring with this text, its quotes included; empty when there is no text.

    The value of the string literal is the text, whatever characters are in it.
    """
    body = _escape(text)
    if not body:
        return ""
    if "\n" in body:
        return f'"""{body}\n"""'
    return f'"""{body}"""'


def _escape(text: str) -> str:
    # A quote at either end would join the ones around it.
    first, text = ('\\"', text[1:]) if text.startswith('"') else ("", text)
    text, last = (text[:-1], '\\"') if text.endswith('"') else (text, "")
    body = text.replace("\\", "\\\\").replace('"""', r"\"\"\"")
    return first + "".join(map(_visible, body)) + last


def _visible(char: str) -> str:
    if char == "\n" or not (char in _INVISIBLE or unicodedata.category(char) in _BREAKS):
        return char
    return char.encode("unicode_escape").decode("ascii")
