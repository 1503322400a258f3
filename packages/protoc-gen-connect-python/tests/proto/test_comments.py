import ast
import inspect
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protoc_gen_connect_python._proto.comments import clean, docstring


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (" One line.\n", "One line."),
        (" First.\n\n Third.   \n", "First.\n\nThird."),
        (" List:\n   - item\n     more\n", "List:\n- item\n  more"),
        ("\tTab\there\n\tand there\n", "Tab here\nand there"),
        ("\r\n Windows\r\n lines\r\n", "Windows\nlines"),
        ("\n \n", ""),
        ("", ""),
    ],
)
def test_clean(comment: str, text: str) -> None:
    assert clean(comment) == text


@pytest.mark.parametrize(
    ("text", "literal"),
    [
        ("Says hi.", '"""Says hi."""'),
        ("First.\n\nSecond.", '"""First.\n\nSecond.\n"""'),
        ('"quoted"', r'"""\"quoted\""""'),
        ('three """ of them', r'"""three \"\"\" of them"""'),
        ("back\\slash\\", r'"""back\\slash\\"""'),
        ("a\x00b\x1b\u202ec", r'"""a\x00b\x1b\u202ec"""'),
        ("a\u2028b\x85c", r'"""a\u2028b\x85c"""'),
        ("Grüße 世界", '"""Grüße 世界"""'),
        ("", ""),
    ],
)
def test_docstring(text: str, literal: str) -> None:
    assert docstring(text) == literal


def test_docstring_escapes_ends_of_lines_and_characters_that_hide_text() -> None:
    escaped = [chr(code) for code in range(0x110000) if "\\u" in docstring(f"a{chr(code)}b")]
    ends_of_lines = [chr(code) for code in range(0x110000) if category(chr(code)) in ("Zl", "Zp")]
    controls = [chr(code) for code in range(0x110000) if category(chr(code)) == "Cc"]
    hidden = "\u200b\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    assert escaped == sorted([*ends_of_lines, *hidden])
    assert [each for each in controls if each in docstring(f"a{each}b")] == ["\n"]


@given(
    st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from('"\\\n\r\u202e ')), max_size=40)
)
def test_docstring_has_the_text_as_its_value(comment: str) -> None:
    text = clean(comment)
    literal = docstring(text)
    value = ast.literal_eval(literal) if literal else ""
    assert value.removesuffix("\n") == text.removesuffix("\n")


@given(st.text(st.sampled_from('"\\\n\t a'), max_size=30))
def test_clean_text_is_stable_as_a_docstring(comment: str) -> None:
    text = clean(comment)
    assert clean(text) == text
    assert inspect.cleandoc(text) == text
