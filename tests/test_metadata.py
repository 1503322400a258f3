"""Headers and trailers between our clients and our servers, in every protocol and kind of call."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "src"))

from connectrpc_client import Code, ConnectError
from connectrpc_client.testing import (
    ASGITransport,
    ASGITransportSync,
    WSGITransport,
    WSGITransportAsync,
)
from connectrpc_server import RequestContext
from eliza.v1.eliza_connect import (
    ElizaService,
    ElizaServiceASGIApplication,
    ElizaServiceClient,
    ElizaServiceClientSync,
    ElizaServiceSync,
    ElizaServiceWSGIApplication,
)
from eliza.v1.eliza_pb2 import (
    ConverseRequest,
    ConverseResponse,
    IntroduceRequest,
    IntroduceResponse,
    SayRequest,
    SayResponse,
    SummarizeRequest,
    SummarizeResponse,
)

each_protocol = pytest.mark.parametrize("protocol", ["connect", "grpc", "grpc-web"])
each_pair = pytest.mark.parametrize("pair", ["asgi-async", "asgi-sync", "wsgi-async", "wsgi-sync"])


def start(ctx: RequestContext) -> None:
    """Send the headers of the request back, and a trailer."""
    if "refused" in ctx.request_headers:
        ctx.response_headers[ctx.request_headers["refused"]] = "1"
    for name in ("x-in", "user-agent"):
        for value in ctx.request_headers.get_all(name):
            ctx.response_headers.add(f"x-echo-{name}", value)
    ctx.response_trailers["x-first"] = "1"


def resume(ctx: RequestContext) -> None:
    """Set a trailer, or a header that is too late, after the first response."""
    ctx.response_trailers["x-second"] = "2"
    if "late" in ctx.request_headers:
        ctx.response_headers["x-late"] = "1"


class Handlers(ElizaService):
    async def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        start(ctx)
        return SayResponse()

    async def summarize(
        self, requests: AsyncIterator[SummarizeRequest], ctx: RequestContext
    ) -> SummarizeResponse:
        start(ctx)
        return SummarizeResponse()

    async def introduce(
        self, request: IntroduceRequest, ctx: RequestContext
    ) -> AsyncIterator[IntroduceResponse]:
        start(ctx)
        yield IntroduceResponse()
        resume(ctx)

    async def converse(
        self, requests: AsyncIterator[ConverseRequest], ctx: RequestContext
    ) -> AsyncIterator[ConverseResponse]:
        start(ctx)
        yield ConverseResponse()
        resume(ctx)


class HandlersSync(ElizaServiceSync):
    def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        start(ctx)
        return SayResponse()

    def summarize(
        self, requests: Iterator[SummarizeRequest], ctx: RequestContext
    ) -> SummarizeResponse:
        start(ctx)
        return SummarizeResponse()

    def introduce(
        self, request: IntroduceRequest, ctx: RequestContext
    ) -> Iterator[IntroduceResponse]:
        start(ctx)
        yield IntroduceResponse()
        resume(ctx)

    def converse(
        self, requests: Iterator[ConverseRequest], ctx: RequestContext
    ) -> Iterator[ConverseResponse]:
        start(ctx)
        yield ConverseResponse()
        resume(ctx)


def calls(client: Any) -> dict[str, Callable[..., Any]]:
    return {
        "say": lambda **options: client.call_say(SayRequest(), **options),
        "summarize": lambda **options: client.call_summarize([SummarizeRequest()], **options),
        "introduce": lambda **options: client.call_introduce(IntroduceRequest(), **options),
        "converse": lambda **options: client.call_converse([ConverseRequest()], **options),
    }


def call(
    pair: str, protocol: str, name: str, call_headers: Any, **options: Any
) -> tuple[Any, int, Any]:
    """Make a call. Return its output, the number of responses and the error, if it failed."""
    asgi = ElizaServiceASGIApplication(Handlers())
    wsgi = ElizaServiceWSGIApplication(HandlersSync())
    options |= {"protocol": protocol}
    if pair.endswith("async"):
        transport = ASGITransport(asgi) if pair == "asgi-async" else WSGITransportAsync(wsgi)
        client = ElizaServiceClient("http://eliza", http_client=transport, **options)
        return asyncio.run(call_async(calls(client)[name](headers=call_headers)))
    if pair == "asgi-sync":
        with ASGITransportSync(asgi) as started:
            client_sync = ElizaServiceClientSync("http://eliza", http_client=started, **options)
            return call_sync(lambda: calls(client_sync)[name](headers=call_headers))
    client_sync = ElizaServiceClientSync("http://eliza", http_client=WSGITransport(wsgi), **options)
    return call_sync(lambda: calls(client_sync)[name](headers=call_headers))


async def call_async(begin: Any) -> tuple[Any, int, Any]:
    output, count = None, 0
    try:
        output = await begin
        if not hasattr(output, "message"):
            async for _ in output:
                count += 1
    except ConnectError as error:
        return output, count, error
    return output, count, None


def call_sync(begin: Callable[[], Any]) -> tuple[Any, int, Any]:
    output, count = None, 0
    try:
        output = begin()
        if not hasattr(output, "message"):
            for _ in output:
                count += 1
    except ConnectError as error:
        return output, count, error
    return output, count, None


@each_pair
@each_protocol
@pytest.mark.parametrize("name", ["introduce", "converse"])
def test_a_header_that_is_set_after_the_first_response_fails_the_call(
    pair: str, protocol: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    output, count, error = call(pair, protocol, name, {"late": "yes"})
    assert (count, error.code, "x-late" in output.headers) == (1, Code.INTERNAL, False)
    assert (output.trailers["x-first"], output.trailers["x-second"]) == ("1", "2")
    assert "RuntimeError: the response headers have been sent: set them before" in caplog.text


@each_pair
@each_protocol
@pytest.mark.parametrize("name", ["say", "summarize", "introduce", "converse"])
def test_a_header_of_the_response_that_the_server_sets_itself_fails_the_call(
    pair: str, protocol: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    for refused in ("content-type", "grpc-status", "connection"):
        _, count, error = call(pair, protocol, name, {"refused": refused})
        assert (count, error.code) == (0, Code.INTERNAL)
        assert f"ValueError: the response header '{refused}' cannot be set: " in caplog.text


@each_pair
@each_protocol
@pytest.mark.parametrize("name", ["say", "summarize", "introduce", "converse"])
def test_the_headers_of_a_client_and_of_a_call_arrive(pair: str, protocol: str, name: str) -> None:
    of_client = [("x-in", "1"), ("x-in", "2"), ("user-agent", "client/1")]
    output, _, error = call(pair, protocol, name, None, headers=of_client)
    assert error is None
    assert output.headers["x-echo-x-in"] == "1, 2"
    assert output.headers.get_all("x-echo-user-agent") == ["client/1"]
    output, _, _ = call(pair, protocol, name, {"X-In": "3"}, headers=of_client)
    assert output.headers["x-echo-x-in"] == "3"
    assert output.headers.get_all("x-echo-user-agent") == ["client/1"]
    assert output.trailers["x-first"] == "1"
