"""The order in which interceptors run, and how they end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_protocol import (
    Code,
    ConnectError,
    Headers,
    MethodKind,
    RequestContext,
)
from connectrpc_protocol.interceptors.chain import InterceptorChain, InterceptorChainSync

from ..helpers import echo_method
from .interceptors import NoOp, Tag, TagSync


@pytest.fixture
def ctx() -> RequestContext:
    return RequestContext(echo_method(MethodKind.UNARY), "connect", "POST", Headers())


ONE = StringValue(value="x")


async def echo(request: StringValue, ctx: RequestContext) -> StringValue:
    return StringValue(value=f"[{request.value}]")


async def echo_client_stream(
    requests: AsyncIterator[StringValue], ctx: RequestContext
) -> StringValue:
    return StringValue(value="".join([f"[{request.value}]" async for request in requests]))


async def echo_server_stream(
    request: StringValue, ctx: RequestContext
) -> AsyncIterator[StringValue]:
    yield StringValue(value=f"[{request.value}]")


async def echo_bidi_stream(
    requests: AsyncIterator[StringValue], ctx: RequestContext
) -> AsyncIterator[StringValue]:
    async for request in requests:
        yield StringValue(value=f"[{request.value}]")


async def one() -> AsyncIterator[StringValue]:
    yield ONE


async def collect(messages: AsyncIterator[StringValue]) -> StringValue:
    return StringValue(value=" ".join([message.value async for message in messages]))


WRAPPED = "a(b([b(a(x))]))"


def chain_of_two() -> InterceptorChain:
    return InterceptorChain([Tag("a"), NoOp(), Tag("b")])


def test_the_first_interceptor_is_the_outermost_of_unary_calls(ctx: RequestContext) -> None:
    call = chain_of_two().unary(echo)
    assert asyncio.run(call(ONE, ctx)).value == WRAPPED


def test_the_first_interceptor_is_the_outermost_of_client_streams(ctx: RequestContext) -> None:
    call = chain_of_two().client_stream(echo_client_stream)
    assert asyncio.run(call(one(), ctx)).value == WRAPPED


def test_the_first_interceptor_is_the_outermost_of_server_streams(ctx: RequestContext) -> None:
    call = chain_of_two().server_stream(echo_server_stream)
    assert asyncio.run(collect(call(ONE, ctx))).value == WRAPPED


def test_the_first_interceptor_is_the_outermost_of_bidi_streams(ctx: RequestContext) -> None:
    call = chain_of_two().bidi_stream(echo_bidi_stream)
    assert asyncio.run(collect(call(one(), ctx))).value == WRAPPED


def bracket(request: StringValue, ctx: RequestContext) -> StringValue:
    return StringValue(value=f"[{request.value}]")


def bracket_all(requests: Iterator[StringValue], ctx: RequestContext) -> StringValue:
    return StringValue(value="".join(f"[{request.value}]" for request in requests))


def bracket_one(request: StringValue, ctx: RequestContext) -> Iterator[StringValue]:
    yield bracket(request, ctx)


def bracket_each(requests: Iterator[StringValue], ctx: RequestContext) -> Iterator[StringValue]:
    for request in requests:
        yield bracket(request, ctx)


def chain_of_two_sync() -> InterceptorChainSync:
    return InterceptorChainSync([TagSync("a"), NoOp(), TagSync("b")])


def test_the_first_interceptor_is_the_outermost_of_sync_unary_calls(ctx: RequestContext) -> None:
    assert chain_of_two_sync().unary(bracket)(ONE, ctx).value == WRAPPED


def test_the_first_interceptor_is_the_outermost_of_sync_client_streams(
    ctx: RequestContext,
) -> None:
    assert chain_of_two_sync().client_stream(bracket_all)(iter([ONE]), ctx).value == WRAPPED


def test_the_first_interceptor_is_the_outermost_of_sync_server_streams(
    ctx: RequestContext,
) -> None:
    responses = chain_of_two_sync().server_stream(bracket_one)(ONE, ctx)
    assert [message.value for message in responses] == [WRAPPED]


def test_the_first_interceptor_is_the_outermost_of_sync_bidi_streams(ctx: RequestContext) -> None:
    responses = chain_of_two_sync().bidi_stream(bracket_each)(iter([ONE]), ctx)
    assert [message.value for message in responses] == [WRAPPED]


def test_a_chain_without_interceptors_returns_the_handler_itself() -> None:
    assert InterceptorChain(()).unary(echo) is echo
    assert InterceptorChainSync(()).unary(bracket) is bracket


async def run(chain: InterceptorChain, ctx: RequestContext, error: BaseException | None) -> None:
    async with chain.around(ctx, lambda starting: starting):
        if error is not None:
            raise error


def run_sync(chain: InterceptorChainSync, ctx: RequestContext, error: BaseException | None) -> None:
    with chain.around(ctx):
        if error is not None:
            raise error


def run_either(
    mode: str, interceptors: list[object], ctx: RequestContext, error: BaseException | None
) -> None:
    if mode == "async":
        asyncio.run(run(InterceptorChain(interceptors), ctx, error))
    else:
        run_sync(InterceptorChainSync(interceptors), ctx, error)


async_and_sync = pytest.mark.parametrize(("mode", "tag"), [("async", Tag), ("sync", TagSync)])
REFUSED = ConnectError(Code.UNAUTHENTICATED, "who are you?")


@async_and_sync
def test_metadata_interceptors_start_in_order_and_end_in_reverse(mode, tag, ctx) -> None:
    log: list[str] = []
    run_either(mode, [tag("a", log), tag("b", log)], ctx, None)
    assert log == ["start a", "start b", "end b None", "end a None"]


@async_and_sync
def test_metadata_interceptors_see_the_error_of_the_call(mode, tag, ctx) -> None:
    log: list[str] = []
    with pytest.raises(ConnectError) as caught:
        run_either(mode, [tag("a", log), tag("b", log)], ctx, REFUSED)
    assert caught.value is REFUSED
    assert log[2:] == [f"end b {REFUSED}", f"end a {REFUSED}"]


class Refuse(NoOp):
    async def on_start(self, ctx):
        raise REFUSED

    def on_start_sync(self, ctx):
        raise REFUSED


@async_and_sync
def test_only_interceptors_that_started_end(mode, tag, ctx) -> None:
    log: list[str] = []
    with pytest.raises(ConnectError) as caught:
        run_either(mode, [tag("a", log), Refuse(), tag("b", log)], ctx, None)
    assert caught.value is REFUSED
    assert log == ["start a", f"end a {REFUSED}"]


class FailAtTheEnd(NoOp):
    async def on_end(self, token, ctx, error):
        raise ValueError("at the end")

    def on_end_sync(self, token, ctx, error):
        raise ValueError("at the end")


@async_and_sync
def test_an_outer_interceptor_ends_even_if_an_inner_one_fails_to_end(mode, tag, ctx) -> None:
    log: list[str] = []
    with pytest.raises(ValueError, match="at the end"):
        run_either(mode, [tag("a", log), FailAtTheEnd(), tag("b", log)], ctx, None)
    assert log == ["start a", "start b", "end b None", "end a at the end"]


class FailToClose(NoOp):
    """Fails when its stream is closed."""

    async def intercept_server_stream(self, call_next, request, ctx):
        responses = call_next(request, ctx)
        try:
            while True:
                yield await anext(responses)
        finally:
            raise ValueError("not closed")

    def intercept_server_stream_sync(self, call_next, request, ctx):
        responses = call_next(request, ctx)
        try:
            while True:
                yield next(responses)
        finally:
            raise ValueError("not closed")


def test_a_stream_is_closed_even_if_its_interceptor_fails_to_close(ctx) -> None:
    log: list[str] = []

    async def stream(request, ctx):
        try:
            yield request
        finally:
            log.append("closed")

    async def call() -> None:
        chain = InterceptorChain([FailToClose(), FailToClose()])
        responses = cast("Any", chain.server_stream(stream)(StringValue(), ctx))
        await anext(responses)
        with pytest.raises(ValueError, match="not closed"):
            await responses.aclose()
        # The chain closed it, not the garbage collector or the end of the event loop.
        assert log == ["closed"]

    asyncio.run(call())


def test_a_sync_stream_is_closed_even_if_its_interceptor_fails_to_close(ctx) -> None:
    log: list[str] = []

    def stream(request, ctx):
        try:
            yield request
        finally:
            log.append("closed")

    chain = InterceptorChainSync([FailToClose(), FailToClose()])
    responses = cast("Any", chain.server_stream(stream)(StringValue(), ctx))
    next(responses)
    with pytest.raises(ValueError, match="not closed"):
        responses.close()
    assert log == ["closed"]


@async_and_sync
@pytest.mark.parametrize("error_type", [asyncio.CancelledError, KeyboardInterrupt])
def test_a_failing_on_end_does_not_replace_a_cancellation_or_an_interrupt(
    mode, tag, ctx, error_type
) -> None:
    log: list[str] = []
    error = error_type()

    interceptors = [tag("a", log), FailAtTheEnd()]

    def call() -> None:
        if mode == "sync":
            run_sync(InterceptorChainSync(interceptors), ctx, error)
        else:
            # Without an event loop, because it would handle both errors in its own way.
            run(InterceptorChain(interceptors), ctx, error).send(None)

    with pytest.raises(error_type) as caught:
        call()
    assert caught.value is error
    assert isinstance(error.__cause__, ValueError)
    assert len(log) == 2


class Suppress(NoOp):
    async def on_end(self, token, ctx, error):
        return True

    def on_end_sync(self, token, ctx, error):
        return True


@async_and_sync
def test_the_return_value_of_on_end_does_not_suppress_the_error(mode, tag, ctx) -> None:
    with pytest.raises(ConnectError):
        run_either(mode, [Suppress()], ctx, REFUSED)


def test_a_chain_lists_its_metadata_interceptors() -> None:
    metadata = NoOp()
    assert InterceptorChain([metadata]).metadata == (metadata,)
    assert InterceptorChainSync([metadata]).metadata == (metadata,)


class Through:
    """Passes on a stream with a loop, as most interceptors do."""

    async def intercept_bidi_stream(
        self, call_next: Callable[..., AsyncIterator[Any]], requests: Any, ctx: Any
    ) -> AsyncIterator[Any]:
        async for response in call_next(requests, ctx):
            yield response


class ThroughSync:
    """`Through` for sync chains."""

    def intercept_bidi_stream_sync(
        self, call_next: Callable[..., Iterator[Any]], requests: Any, ctx: Any
    ) -> Iterator[Any]:
        yield from call_next(requests, ctx)


class Plain(AsyncIterator[Any]):
    """An async iterator that cannot be closed."""

    def __init__(self, values: Iterator[Any]) -> None:
        self.values = values

    async def __anext__(self) -> Any:
        for value in self.values:
            return value
        raise StopAsyncIteration


def test_an_iterator_without_a_close_method_is_not_closed() -> None:
    async def collect() -> list[Any]:
        stream = InterceptorChain([Through()]).bidi_stream(lambda requests, ctx: requests)
        return [each async for each in stream(Plain(iter("ab")), cast("Any", None))]

    assert asyncio.run(collect()) == ["a", "b"]
    stream = InterceptorChainSync([ThroughSync()]).bidi_stream(lambda requests, ctx: requests)
    assert list(stream(iter(cast("Any", "ab")), cast("Any", None))) == ["a", "b"]
