"""Who calls? An interceptor for clients that sends a token, and one for servers that checks it.

Each serves both colours: the methods named `…_sync` are for sync clients and WSGI servers.
Metadata interceptors run before the body of a request is read, so a refusal is cheap.
"""

from collections.abc import Mapping

from connectrpc_server import Code, ConnectError, ContextKey, RequestContext

USER = ContextKey[str]("user")


class SendToken:
    """For clients: sends the token with every call."""

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
    """For servers: refuses calls without a known token and leaves the user's name as `USER`."""

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
