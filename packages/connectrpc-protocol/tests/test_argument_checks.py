from collections.abc import Callable
from functools import partial

import pytest

from connectrpc_protocol.argument_checks import as_tuple, check_parameters


class Interceptor:
    async def on_start(self, ctx: object) -> None: ...

    async def on_end(self, token: object, ctx: object) -> None: ...


def function(request: object, ctx: object) -> None: ...


def test_a_list_is_a_tuple() -> None:
    assert as_tuple("codecs", ["a", "b"]) == ("a", "b")
    assert as_tuple("codecs", iter(())) == ()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Interceptor(), "Interceptor()"),
        (Interceptor, "Interceptor()"),
        (function, "function"),
        ("gzip", "'gzip'"),
        (None, ""),
    ],
)
def test_one_value_instead_of_a_list_is_a_type_error(value: object, shown: str) -> None:
    with pytest.raises(TypeError) as caught:
        as_tuple("interceptors", value)
    assert str(caught.value) == f"interceptors must be a list: interceptors=[{shown}]"


@pytest.mark.parametrize(
    "accepted", [function, lambda *args: args, partial(function, 1), Interceptor().on_end, dict]
)
def test_a_callable_that_takes_the_arguments_is_accepted(accepted: Callable[..., object]) -> None:
    names = ("ctx",) if isinstance(accepted, partial) else ("request", "ctx")
    check_parameters("the handler", accepted, names)


def test_a_function_with_other_parameters_is_a_type_error() -> None:
    with pytest.raises(TypeError) as caught:
        check_parameters("the handler", function, ("request",))
    assert str(caught.value) == "the handler must have the parameters (request), not (request, ctx)"


def test_the_error_of_a_method_shows_self() -> None:
    with pytest.raises(TypeError) as caught:
        check_parameters("on_end", Interceptor().on_end, ("token", "ctx", "error"))
    expected = "on_end must have the parameters (self, token, ctx, error), not (self, token, ctx)"
    assert str(caught.value) == expected
