"""Users see the same behaviour in every protocol."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "src"))

from connectrpc_client import (
    ClientSync,
    Code,
    ConnectError,
    Method,
    MethodKind,
    RequestContext,
)
from connectrpc_client.testing import ASGITransportSync, WSGITransport
from connectrpc_server import combine
from eliza.v1.eliza_connect import (
    ElizaServiceASGIApplication,
    ElizaServiceClientSync,
    ElizaServiceWSGIApplication,
)
from eliza.v1.eliza_pb2 import SayRequest
from eliza_service import Eliza, ElizaSync

Make = Callable[..., ElizaServiceClientSync]


def over_asgi(options: dict[str, Any]) -> ASGITransportSync:
    return ASGITransportSync(ElizaServiceASGIApplication(Eliza(), **options))


def over_wsgi(options: dict[str, Any]) -> WSGITransport:
    return WSGITransport(ElizaServiceWSGIApplication(ElizaSync(), **options))


@pytest.fixture(params=["connect", "grpc", "grpc-web"])
def protocol(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[over_asgi, over_wsgi], ids=["asgi", "wsgi"])
def make(request: pytest.FixtureRequest, protocol: str) -> Make:
    """Make a client for a server with the given options, in process."""

    def made(server: dict[str, Any], **options: Any) -> ElizaServiceClientSync:
        transport = request.param(server)
        return ElizaServiceClientSync(
            "http://test", http_client=transport, protocol=protocol, **options
        )

    return made


@pytest.mark.parametrize(
    ("server", "client"), [({"read_max_bytes": 20}, {}), ({}, {"read_max_bytes": 20})]
)
@pytest.mark.parametrize("size", [100, 1_000_000])
def test_error_names_the_limit_that_a_message_exceeds(
    make: Make, server: dict[str, Any], client: dict[str, Any], size: int
) -> None:
    with make(server, **client) as eliza, pytest.raises(ConnectError) as caught:
        eliza.say(SayRequest(sentence="I feel " + "a" * size))
    assert caught.value.code is Code.RESOURCE_EXHAUSTED
    assert caught.value.message == "message exceeds the limit of 20 bytes"


def test_use_get_sends_post_if_the_protocol_does_not_have_get(make: Make, protocol: str) -> None:
    class MethodRecorder:
        async def on_start(self, ctx: RequestContext) -> None:
            self.on_start_sync(ctx)

        async def on_end(self, token: None, ctx: RequestContext, error: object) -> None: ...

        def on_start_sync(self, ctx: RequestContext) -> None:
            seen.append(ctx.http_method)

        def on_end_sync(self, token: None, ctx: RequestContext, error: object) -> None: ...

    seen: list[str] = []
    with make({"interceptors": [MethodRecorder()]}, interceptors=[MethodRecorder()]) as eliza:
        eliza.say(SayRequest(sentence="hi"), use_get=True)
    assert seen == (["GET", "GET"] if protocol == "connect" else ["POST", "POST"])


def wsgi_fallback(environ: Any, start_response: Any) -> list[bytes]:
    if environ["CONTENT_TYPE"].startswith("application/grpc"):
        raise AssertionError("the fallback must not get gRPC")
    start_response("404 Not Found", [("content-type", "text/plain")])
    return [b"fallback"]


async def asgi_fallback(scope: Any, receive: Any, send: Any) -> None:
    content_type = dict(scope["headers"])[b"content-type"]
    if content_type.startswith(b"application/grpc"):
        raise AssertionError("the fallback must not get gRPC")
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b"fallback"})


def asgi_applications() -> list[ASGITransportSync]:
    """An application alone, combined, and combined with fallbacks."""
    alone = ElizaServiceASGIApplication(Eliza())
    combined = combine(alone)
    applications = (
        alone,
        combined,
        combine(alone, fallback=asgi_fallback),
        combine(alone, fallback=combined),
    )
    return [ASGITransportSync(each) for each in applications]


def wsgi_applications() -> list[WSGITransport]:
    alone = ElizaServiceWSGIApplication(ElizaSync())
    combined = combine(alone)
    applications = (
        alone,
        combined,
        combine(alone, fallback=wsgi_fallback),
        combine(alone, fallback=combined),
    )
    return [WSGITransport(each) for each in applications]


@pytest.mark.parametrize("index", range(4), ids=["alone", "combined", "fallback", "nested"])
@pytest.mark.parametrize("applications", [asgi_applications, wsgi_applications])
@pytest.mark.parametrize("service", ["connectrpc.eliza.v1.ElizaService", "acme.v1.Other"])
@pytest.mark.parametrize("codec", ["proto", "json"])
@pytest.mark.parametrize("kind", [MethodKind.UNARY, MethodKind.SERVER_STREAM])
def test_an_unknown_method_is_unimplemented(
    protocol: str, applications: Callable[[], Any], index: int, service: str, codec: str, kind: Any
) -> None:
    method = Method(
        service=service, name="Newer", kind=kind, request=SayRequest, response=SayRequest
    )
    transport = applications()[index]
    with ClientSync("http://test", http_client=transport, protocol=protocol, codec=codec) as client:

        def call() -> object:
            if kind is MethodKind.UNARY:
                return client._call_unary(method, SayRequest())
            return list(client._server_stream(method, SayRequest()))

        with pytest.raises(ConnectError) as caught:
            call()
    assert caught.value.code is Code.UNIMPLEMENTED
    if protocol == "connect":
        assert caught.value.message == "HTTP status 404"
    else:
        assert caught.value.message == f"this server does not have a method {service}/Newer"
