"""`asgi_scope` and `wsgi_environ` in frameworks, and over the transports for tests."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Mount
from werkzeug.middleware.dispatcher import DispatcherMiddleware

sys.path.insert(0, str(Path(__file__).parents[1] / "examples" / "src"))

import connectrpc_server
from connectrpc_client.testing import (
    ASGITransport,
    ASGITransportSync,
    WSGITransport,
    WSGITransportAsync,
)
from connectrpc_server import RequestContext, asgi_scope, wsgi_environ
from eliza.v1.eliza_connect import (
    ElizaService,
    ElizaServiceASGIApplication,
    ElizaServiceClient,
    ElizaServiceClientSync,
    ElizaServiceSync,
    ElizaServiceWSGIApplication,
)
from eliza.v1.eliza_pb2 import SayRequest, SayResponse

PROTOCOLS = ["connect", "grpc", "grpc-web"]


class Whereabouts(ElizaService):
    async def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        scope = asgi_scope(ctx)
        return SayResponse(sentence=f"{scope['client'][0]} {scope.get('root_path', '')}")


class WhereaboutsSync(ElizaServiceSync):
    def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        environ = wsgi_environ(ctx)
        return SayResponse(sentence=f"{environ['REMOTE_ADDR']} {environ['SCRIPT_NAME']}")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_transports_for_tests(protocol: Any) -> None:
    asgi = connectrpc_server.combine(ElizaServiceASGIApplication(Whereabouts()))
    wsgi = connectrpc_server.combine(ElizaServiceWSGIApplication(WhereaboutsSync()))

    async def say(transport: Any) -> str:
        async with (
            transport,
            ElizaServiceClient("http://eliza", http_client=transport, protocol=protocol) as client,
        ):
            return (await client.say(SayRequest())).sentence

    def say_sync(transport: Any) -> str:
        with (
            transport,
            ElizaServiceClientSync(
                "http://eliza", http_client=transport, protocol=protocol
            ) as client,
        ):
            return client.say(SayRequest()).sentence

    for app, transport, transport_sync in (
        (asgi, ASGITransport, ASGITransportSync),
        (wsgi, WSGITransportAsync, WSGITransport),
    ):
        assert asyncio.run(say(transport(app))) == "127.0.0.1 "
        assert say_sync(transport_sync(app)) == "127.0.0.1 "


class Backend(AuthenticationBackend):
    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser] | None:
        if "authorization" not in conn.headers:
            return None
        return AuthCredentials(["patient"]), SimpleUser("Ada")


class Personal(ElizaService):
    async def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        user = HTTPConnection(asgi_scope(ctx)).user
        return SayResponse(sentence=f"Hello, {user.display_name or 'stranger'}.")


def test_the_user_of_starlette() -> None:
    site = Starlette(
        routes=[Mount("/api", ElizaServiceASGIApplication(Personal()))],
        middleware=[Middleware(AuthenticationMiddleware, backend=Backend())],
    )

    async def check() -> None:
        client = ElizaServiceClient("http://eliza/api", http_client=ASGITransport(site))
        assert (await client.say(SayRequest())).sentence == "Hello, stranger."
        headers = {"authorization": "secret"}
        assert (await client.say(SayRequest(), headers=headers)).sentence == "Hello, Ada."

    asyncio.run(check())


def test_the_environment_of_a_mounted_wsgi_application() -> None:
    def site(environ: Any, start_response: Any) -> Any:
        raise AssertionError("the call must not reach the site")

    mounted = DispatcherMiddleware(site, {"/api": ElizaServiceWSGIApplication(WhereaboutsSync())})

    def app(environ: Any, start_response: Any) -> Any:
        return mounted({**environ, "REMOTE_ADDR": "from middleware"}, start_response)

    with WSGITransport(app) as transport:
        client = ElizaServiceClientSync("http://eliza/api", http_client=transport)
        assert client.say(SayRequest()).sentence == "from middleware /api"


@pytest.mark.parametrize("function", [asgi_scope, wsgi_environ])
def test_the_context_of_a_client_is_a_runtime_error(function: Callable[..., Any]) -> None:
    class Asking:
        async def intercept_unary(
            self, call_next: Callable[..., Awaitable[Any]], request: Any, ctx: RequestContext
        ) -> Any:
            with pytest.raises(RuntimeError, match="a client or a test made it"):
                function(ctx)
            return await call_next(request, ctx)

    async def check() -> None:
        transport = ASGITransport(ElizaServiceASGIApplication(Whereabouts()))
        client = ElizaServiceClient("http://eliza", http_client=transport, interceptors=[Asking()])
        assert (await client.say(SayRequest())).sentence == "127.0.0.1 "

    asyncio.run(check())
