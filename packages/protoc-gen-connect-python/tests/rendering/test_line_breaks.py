import subprocess
import sys

import pytest

from protoc_gen_connect_python._rendering.line_breaks import LINE_LENGTH, break_lines

LONG = "a" * 40


def test_short_lines_do_not_change() -> None:
    source = "x = 1\n\n\ndef f(a: int) -> int:\n    return a\n"
    assert break_lines(source) == source


def test_items_share_a_line_if_they_fit() -> None:
    assert break_lines(f"return await self.call({LONG}, {LONG}, b=c)\n") == (
        f"return await self.call(\n    {LONG}, {LONG}, b=c\n)\n"
    )


def test_each_item_gets_a_line_if_they_do_not_fit() -> None:
    assert break_lines(f"return call({LONG}, {LONG}, {LONG})\n") == (
        f"return call(\n    {LONG},\n    {LONG},\n    {LONG},\n)\n"
    )


@pytest.mark.parametrize("quotes", ['"""', '"""first\n    '])
def test_docstrings_do_not_change(quotes: str) -> None:
    source = f'def f():\n    {quotes}call({LONG}, {LONG}, {LONG})\n    """\n'
    assert break_lines(source) == source


@pytest.mark.parametrize("docstring", [r'"""backslash \\"""', r'"""\"\"\"\""""'])
def test_code_after_a_docstring_with_escapes_is_broken(docstring: str) -> None:
    source = f"    {docstring}\n    return call({LONG}, {LONG}, b={LONG})\n"
    assert f"        {LONG},\n" in break_lines(source)


def test_comments_do_not_change() -> None:
    source = f"# ({LONG}, {LONG}, {LONG})\n"
    assert break_lines(source) == source


def test_brackets_and_commas_in_strings_are_ignored() -> None:
    text = f'"{LONG}, ({LONG}] {{x"'
    assert break_lines(f"@deprecated({text})\n") == f"@deprecated(\n    {text}\n)\n"


OPTIONS = "*, headers: Headers | None = None, timeout_ms: int | None = None"
STATEMENTS = """\
from package{0} import first, second as second_, third

NAME{0}: Final = "package.{0}"
NAME = NAME{0}
METHOD_{0}: Final = Method(
    service=NAME,
    name="{0}",
    request=pb2.Request,
)
ME_{0}: Final = Method(
    service=NAME,
    name="{0}___",
)
METHOD: Final = Method(
    service=NAME{0},
)


@deprecated("{0} is deprecated")
class Class{0}(Base[Type]):
    service_name = NAME{0}

    async def method(self, request: pb2.{0}, ctx: Context) -> pb2.Response:
        raise METHOD_{0}.unimplemented()

    def response(self, request: pb2.Request, ctx: Context) -> pb2.{0}:
        raise METHOD.unimplemented()

    async def both(self, request: pb2.{0}, {1}) -> pb2.{0}:
        return output.message

    def requests(self, requests: Iterator[pb2.{0}], ctx: Context) -> Iterator[pb2.{0}]:
        return self._stream(METHOD_{0}, request, headers=headers, timeout_ms=timeout_ms)

    async def call(self, requests: Some[pb2.{0}] | Others[pb2.{0}], {1}) -> Output[pb2.{0}]:
        output = await self._call(METHOD_{0}, request, headers=headers, timeout_ms=timeout_ms)
        return output.message

    async def map(self, request: pb2.R, {1}) -> Mapping[str, pb2.{0}]:
        return await self._call(METHOD, request, headers=headers, timeout_ms=timeout_ms{0})

    def handlers(self, service: Service{0}) -> Sequence[Handler]:
        return [
            Handler.unary(METHOD_{0}, service.{0}),
            Handler.unary(METHOD, service.{0}),
        ]
"""


@pytest.mark.parametrize("lengths", [range(1, 40), range(40, 80), range(80, 130)])
def test_lines_of_every_length_are_broken_as_by_ruff(lengths: range) -> None:
    source = "\n\n".join(STATEMENTS.format("n" * length, OPTIONS) for length in lengths)
    ours = break_lines(source)
    command = ["ruff", "format", "--isolated", f"--line-length={LINE_LENGTH}", "--diff", "-"]
    outcome = subprocess.run(
        [sys.executable, "-m", *command], input=ours, capture_output=True, text=True, check=False
    )
    assert outcome.stdout == ""
    assert outcome.returncode == 0
