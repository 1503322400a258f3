"""Breaks long lines of generated code as `ruff format` does.

A template contains each statement on one line. If the line is too long, it is broken at its
brackets: first with all items on a line of their own, then, if that is still too long, with one
item per line. A value or a return type without brackets is put into parentheses if it fits there.
This module knows only the statements that the templates contain. A line that cannot be broken stays
as it is.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

LINE_LENGTH = 100
_INDENT = "    "
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[()\[\]{}]')
_BRACKET_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|[()\[\]{},]')
_VALUE = re.compile(r"((?:return|raise) |\w+(?:: \w+)? = )(.+)()")
_OPENING = re.compile(r"(\w+: \w+ = )(\w+\()")
_RETURN_TYPE = re.compile(r"(\) -> )(.+)(:)")
_PARAMETER = re.compile(r"(\w+: .+\]) (\| \w+\[.+)")


def break_lines(source: str) -> str:
    """Return the source with its long lines broken, except in docstrings and comments."""
    lines: list[str] = []
    in_docstring = False
    for line in _parenthesize_calls(source.rstrip("\n").split("\n")):
        quotes = re.findall(r'\\.|"""', line).count('"""') if '"""' in line else 0
        if in_docstring or quotes or _fits(line) or line.lstrip().startswith("#"):
            lines.append(line)
        else:
            lines.extend(_break(line))
        in_docstring ^= quotes % 2 == 1
    return "\n".join(lines) + "\n"


def _parenthesize_calls(lines: Iterable[str]) -> Iterator[str]:
    """Put a call of several lines into parentheses if all of its lines fit only in this way."""
    remaining = iter(lines)
    for line in remaining:
        opening = None if _fits(line) else _OPENING.fullmatch(line)
        if opening is None:
            yield line
            continue
        call = [*takewhile(lambda each: each != ")", remaining), ")"]
        broken = [f"{opening[1]}(", *(_INDENT + each for each in (opening[2], *call)), ")"]
        yield from broken if all(map(_fits, broken)) else [line, *call]


def _fits(line: str) -> bool:
    return len(line) <= LINE_LENGTH


def _break(line: str) -> list[str]:
    if _fits(line):
        return [line]
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    if code.endswith(tuple(_PAIRS)):
        return [line]
    if code.startswith("from "):
        return _break_import(indent, code)
    if parameter := _PARAMETER.fullmatch(code):
        return [*_break(indent + parameter[1]), *_break(indent + parameter[2])]
    if groups := _groups(code):
        first = code.startswith(("def ", "async def "))
        return _break_brackets(indent, code, groups[0] if first else groups[-1])
    return _parenthesize(indent, code)


def _break_import(indent: str, code: str) -> list[str]:
    head, _, names = code.partition(" import ")
    lines = [f"{indent}{_INDENT}{name}," for name in names.split(", ")]
    return [f"{indent}{head} import (", *lines, f"{indent})"]


def _parenthesize(indent: str, code: str) -> list[str]:
    if match := _VALUE.fullmatch(code) or _RETURN_TYPE.fullmatch(code):
        lines = [f"{indent}{match[1]}(", f"{indent}{_INDENT}{match[2]}", f"{indent}){match[3]}"]
        if all(map(_fits, lines)):
            return lines
    return [indent + code]


def _break_brackets(indent: str, code: str, group: tuple[int, int]) -> list[str]:
    start, end = group
    inner = indent + _INDENT
    content = code[start + 1 : end]
    lines = [indent + code[: start + 1]]
    if _fits(inner + content):
        lines.append(inner + content)
    else:
        items = _items(content)
        # In a subscript, a comma after a single item would make the item a tuple.
        comma = "," if len(items) > 1 or code[start] == "(" else ""
        for item in items:
            lines += _break(inner + item + comma)
    return lines + _break(indent + code[end:])


def _groups(code: str) -> list[tuple[int, int]]:
    """Return the positions of the outermost pairs of brackets that are not empty."""
    groups: list[tuple[int, int]] = []
    depth = start = 0
    for match in _BRACKET.finditer(code):
        if match[0] in _PAIRS:
            start = match.start() if depth == 0 else start
            depth += 1
        elif match[0] in _PAIRS.values() and depth:
            depth -= 1
            if depth == 0 and match.start() > start + 1:
                groups.append((start, match.start()))
    return groups


def _items(content: str) -> list[str]:
    if not _BRACKET.search(content):
        return [item.strip() for item in content.split(",")]
    items: list[str] = []
    depth = start = 0
    for match in _BRACKET_OR_COMMA.finditer(content):
        if match[0] in _PAIRS:
            depth += 1
        elif match[0] in _PAIRS.values():
            depth -= 1
        elif match[0] == "," and depth == 0:
            items.append(content[start : match.start()].strip())
            start = match.end()
    return [*items, content[start:].strip()]
