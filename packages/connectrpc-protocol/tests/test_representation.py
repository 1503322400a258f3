import pytest

from connectrpc_protocol import Method, RequestContext
from connectrpc_protocol.representation import representation


class Widget: ...


def test_shows_the_class_and_the_text() -> None:
    assert representation(Widget(), lambda: "of iron") == "<Widget of iron>"


def test_shows_another_name_of_the_class() -> None:
    assert representation(Widget(), lambda: "of iron", class_name="Thing") == "<Thing of iron>"


def test_shows_only_the_class_if_the_text_cannot_be_made() -> None:
    def fail() -> str:
        raise RuntimeError("the object is not complete")

    assert representation(Widget(), fail) == "<Widget>"


@pytest.mark.parametrize("kind", [Method, RequestContext])
def test_an_object_without_its_attributes_shows_its_class(kind: type) -> None:
    assert repr(kind.__new__(kind)) == f"<{kind.__name__}>"
