"""The checks of interceptors when an application or a client is built."""

from functools import partial

import pytest

from connectrpc_protocol.interceptors.chain import InterceptorChain, InterceptorChainSync
from connectrpc_protocol.method import MethodKind

from .interceptors import NoOp, Tag, TagSync

chains = pytest.mark.parametrize("chain", [InterceptorChain, InterceptorChainSync])


async def echo(request, ctx): ...


class Misspelt(NoOp):
    async def intercept_unray(self, call_next, request, ctx): ...


class OnlyAsync:
    async def intercept_unary(self, call_next, request, ctx): ...


class OnlySync:
    def intercept_unary_sync(self, call_next, request, ctx): ...


class HalfStart:
    async def on_start(self, ctx): ...
    def on_start_sync(self, ctx): ...


class HalfEnd:
    async def on_end(self, token, ctx, error): ...
    def on_end_sync(self, token, ctx, error): ...


class HalfSync(NoOp):
    async def intercept_unary(self, call_next, request, ctx): ...
    def intercept_bidi_stream_sync(self, call_next, requests, ctx): ...


class NotCallable:
    intercept_unary = "call_next"
    intercept_unary_sync = "call_next"


class PlainFunction:
    def intercept_unary(self, call_next, request, ctx): ...


class PlainStart:
    def on_start(self, ctx): ...
    async def on_end(self, token, ctx, error): ...


class PlainGenerator:
    def intercept_server_stream(self, call_next, request, ctx):
        yield


class CoroutineForIterator:
    async def intercept_bidi_stream(self, call_next, requests, ctx): ...


class CoroutineForSync:
    async def intercept_unary_sync(self, call_next, request, ctx): ...


class CoroutineForSyncIterator:
    async def intercept_server_stream_sync(self, call_next, request, ctx): ...


class AsyncGeneratorForSync:
    async def intercept_bidi_stream_sync(self, call_next, requests, ctx):
        yield


@pytest.mark.parametrize(
    ("chain", "interceptor", "text"),
    [
        (InterceptorChain, Tag, "interceptor Tag is a class; pass an instance"),
        (InterceptorChainSync, TagSync, "interceptor TagSync is a class; pass an instance"),
        (InterceptorChain, Misspelt(), "Misspelt has an unknown method: intercept_unray"),
        (InterceptorChainSync, Misspelt(), "Misspelt has an unknown method"),
        (
            InterceptorChain,
            object(),
            "object is not an async interceptor: .* intercept_bidi_",
        ),
        (InterceptorChainSync, None, "NoneType is not a sync interceptor: .* on_start_sync$"),
        (InterceptorChain, echo, "function is not an async interceptor"),
        (InterceptorChain, OnlySync(), "OnlySync is not an async interceptor"),
        (InterceptorChainSync, OnlyAsync(), "OnlyAsync is not a sync interceptor"),
        (InterceptorChain, HalfStart(), "HalfStart needs both on_start and on_end"),
        (InterceptorChain, HalfEnd(), "HalfEnd needs both on_start and on_end"),
        (InterceptorChainSync, HalfStart(), "needs both on_start_sync and on_end_sync"),
        (InterceptorChainSync, HalfEnd(), "needs both on_start_sync and on_end_sync"),
        (
            InterceptorChain,
            HalfSync(),
            "has intercept_bidi_stream_sync but not intercept_bidi_stream$",
        ),
        (
            InterceptorChainSync,
            HalfSync(),
            "has intercept_unary but not intercept_unary_sync$",
        ),
        (InterceptorChain, NotCallable(), "NotCallable: intercept_unary is not callable"),
        (InterceptorChainSync, NotCallable(), "intercept_unary_sync is not callable"),
        (InterceptorChain, PlainFunction(), "intercept_unary must be an 'async def' function"),
        (InterceptorChain, PlainStart(), "on_start must be an 'async def' function"),
        (InterceptorChain, PlainGenerator(), "intercept_server_stream must be an async generator"),
        (
            InterceptorChain,
            CoroutineForIterator(),
            "intercept_bidi_stream must return an iterator, not an awaitable",
        ),
        (InterceptorChainSync, CoroutineForSync(), "intercept_unary_sync must not be async"),
        (
            InterceptorChainSync,
            CoroutineForSyncIterator(),
            "intercept_server_stream_sync must not be async",
        ),
        (
            InterceptorChainSync,
            AsyncGeneratorForSync(),
            "intercept_bidi_stream_sync must not be async",
        ),
    ],
)
def test_an_unusable_interceptor_is_a_type_error(chain, interceptor: object, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        chain([interceptor])


class ReturnsAnIterator:
    def intercept_server_stream(self, call_next, request, ctx):
        return call_next(request, ctx)

    def intercept_server_stream_sync(self, call_next, request, ctx):
        return call_next(request, ctx)


@chains
def test_a_stream_interceptor_may_return_an_iterator(chain) -> None:
    assert chain([ReturnsAnIterator()]).metadata == ()


class WithAttributes(NoOp):
    on_behalf_of = "alice"


@chains
def test_an_interceptor_may_have_other_attributes(chain) -> None:
    assert len(chain([WithAttributes()]).metadata) == 1


class NoCallNext:
    async def intercept_unary(self, request, ctx): ...
    def intercept_unary_sync(self, request, ctx): ...


class NoContext:
    def intercept_server_stream(self, call_next, request): ...
    def intercept_server_stream_sync(self, call_next, request): ...


class OneMore:
    async def intercept_client_stream(self, call_next, requests, ctx, more): ...
    def intercept_client_stream_sync(self, call_next, requests, ctx, more): ...


class NoSelf:
    async def intercept_bidi_stream(call_next, requests, ctx):  # noqa: N805
        yield

    def intercept_bidi_stream_sync(call_next, requests, ctx): ...  # noqa: N805


class StartWithoutContext(NoOp):
    async def on_start(self): ...
    def on_start_sync(self): ...


class EndWithoutError(NoOp):
    async def on_end(self, token, ctx): ...
    def on_end_sync(self, token, ctx): ...


class KeywordOnly(NoOp):
    async def on_start(self, ctx: object, *, needed: int) -> None: ...
    def on_start_sync(self, ctx: object, *, needed: int) -> None: ...


@chains
@pytest.mark.parametrize(
    ("interceptor", "name", "wanted", "given"),
    [
        (NoCallNext(), "intercept_unary", "self, call_next, request, ctx", "self, request, ctx"),
        (
            NoContext(),
            "intercept_server_stream",
            "self, call_next, request, ctx",
            "self, call_next, request",
        ),
        (
            OneMore(),
            "intercept_client_stream",
            "self, call_next, requests, ctx",
            "self, call_next, requests, ctx, more",
        ),
        (
            NoSelf(),
            "intercept_bidi_stream",
            "self, call_next, requests, ctx",
            "call_next, requests, ctx",
        ),
        (StartWithoutContext(), "on_start", "self, ctx", "self"),
        (EndWithoutError(), "on_end", "self, token, ctx, error", "self, token, ctx"),
        (KeywordOnly(), "on_start", "self, ctx", "self, ctx, *, needed"),
    ],
)
def test_wrong_parameters_are_a_type_error(chain, interceptor, name, wanted, given) -> None:
    with pytest.raises(TypeError) as caught:
        chain([interceptor])
    name = name if chain is InterceptorChain else f"{name}_sync"
    kind = type(interceptor).__name__
    text = f"interceptor {kind}: {name} must have the parameters ({wanted}), not ({given})"
    assert str(caught.value) == text


class AnyParameters:
    async def intercept_unary(self, *args, **kwargs): ...
    def intercept_unary_sync(self, *args, **kwargs): ...


class WithDefaults(NoOp):
    async def on_end(self, token, ctx, error=None, log=None): ...
    def on_end_sync(self, token, ctx, error=None, log=None): ...


class OtherNames:
    @staticmethod
    async def intercept_unary(proceed, message, context, /): ...
    @staticmethod
    def intercept_unary_sync(proceed, message, context, /): ...


@chains
@pytest.mark.parametrize("interceptor", [AnyParameters(), WithDefaults(), OtherNames()])
def test_parameters_that_the_arguments_fit_are_accepted(chain, interceptor) -> None:
    chain([interceptor])


METHODS = {
    MethodKind.UNARY: "intercept_unary",
    MethodKind.CLIENT_STREAM: "intercept_client_stream",
    MethodKind.SERVER_STREAM: "intercept_server_stream",
    MethodKind.BIDI_STREAM: "intercept_bidi_stream",
}


def interceptor_of(kind: MethodKind) -> object:
    name = METHODS[kind]
    methods = {each: getattr(Tag, each) for each in (name,)}
    return type("Guard", (), methods | {f"{name}_sync": getattr(TagSync, f"{name}_sync")})()


@chains
@pytest.mark.parametrize("kind", MethodKind)
@pytest.mark.parametrize("other", MethodKind)
def test_an_interceptor_that_no_method_reaches_is_a_type_error(chain, kind, other) -> None:
    checked = chain([NoOp(), interceptor_of(kind)])
    checked.check_are_reached([], "acme.S")  # the kinds are not known
    checked.check_are_reached(MethodKind, "acme.S")
    if kind is other:
        checked.check_are_reached([other], "acme.S")
        return
    suffix = "" if chain is InterceptorChain else "_sync"
    with pytest.raises(TypeError) as caught:
        checked.check_are_reached([other], "acme.S")
    assert str(caught.value) == (
        f"interceptor Guard would never be called: all methods of acme.S are {other.value}; "
        f"implement {METHODS[other]}{suffix}, or on_start{suffix} and on_end{suffix}, which run "
        "for every kind"
    )


def an_interceptor(**methods):
    return type("AnInterceptor", (), methods)()


def takes_nothing(): ...


async def coroutine(self, call_next, request, ctx): ...


def generator(self, call_next, request, ctx):
    yield


def generator_of_start(self, ctx):
    yield


def end(self, token, ctx, error): ...


def callable_object(function):
    return type("CallableObject", (), {"__call__": function})()


@pytest.mark.parametrize(
    "interceptor",
    [
        an_interceptor(intercept_unary_sync=generator),
        an_interceptor(intercept_client_stream_sync=generator),
        an_interceptor(intercept_unary_sync=callable_object(generator)),
        an_interceptor(intercept_unary_sync=partial(generator, None)),
        an_interceptor(on_start_sync=generator_of_start, on_end_sync=end),
    ],
)
def test_a_sync_method_with_one_result_must_not_yield(interceptor) -> None:
    with pytest.raises(TypeError, match="must return its result, so it must not have 'yield'"):
        InterceptorChainSync([interceptor])


def test_the_function_of_a_callable_object_decides_about_its_kind() -> None:
    InterceptorChain([an_interceptor(intercept_unary=callable_object(coroutine))])
    InterceptorChain([an_interceptor(intercept_unary=partial(coroutine, None))])
    with pytest.raises(TypeError, match="intercept_unary_sync must not be async"):
        InterceptorChainSync([an_interceptor(intercept_unary_sync=callable_object(coroutine))])


def test_a_method_without_self_is_a_type_error() -> None:
    expected = r"the parameters \(self, call_next, request, ctx\), not \(\)"
    with pytest.raises(TypeError, match=expected):
        InterceptorChainSync([an_interceptor(intercept_unary_sync=takes_nothing)])
