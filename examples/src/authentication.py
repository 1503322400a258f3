"""Authenticate callers: a client interceptor sends a token, a server interceptor checks it.

Both interceptors work with async and sync code: the methods named `…_sync` are for sync clients and
WSGI servers. Metadata interceptors run before the request body is read, so refusing a call is
cheap.
"""

from collections.abc import Mapping

from connectrpc_server import Code, ConnectError, ContextKey, RequestContext

USER = ContextKey[str]("user")


class SendToken:
    """For clients: send the token with every call."""

    def __init__(self, token: str) -> None:
        self._token = token

    def on_start_sync(self, ctx: RequestContext) -> None:
        ctx.request_headers["authorization"] = f"Bearer {self._token}"

    def on_end_sync(self, token: None, ctx: RequestContext, error: BaseException | None) -> None:
        pass

    async def on_start(self, ctx: RequestContext) -> None:
        self.on_start_sync(ctx)

    async def on_end(self, token: None, ctx: RequestContext, error: BaseException | None) -> None:
        pass


class CheckToken:
    """For servers: refuse calls without a known token. The handler finds the user as `USER`."""

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users

    def on_start_sync(self, ctx: RequestContext) -> None:
        scheme, _, token = ctx.request_headers.get("authorization", "").partition(" ")
        user = self._users.get(token)
        if scheme != "Bearer" or user is None:
            raise ConnectError(
                Code.UNAUTHENTICATED, "unknown token", metadata={"www-authenticate": "Bearer"}
            )
        ctx.set(USER, user)

    def on_end_sync(self, token: None, ctx: RequestContext, error: BaseException | None) -> None:
        pass

    async def on_start(self, ctx: RequestContext) -> None:
        self.on_start_sync(ctx)

    async def on_end(self, token: None, ctx: RequestContext, error: BaseException | None) -> None:
        pass
