"""Users see the same behaviour in every protocol."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "src"))

from connectrpc_client import Code, ConnectError, RequestContext
from connectrpc_client.testing import ASGITransportSync, WSGITransport
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
