"""The lifespan of an ASGI application, as a server runs it."""

from contextvars import Context

from connectrpc_client.testing.event_loop import Queue, Tasks
from connectrpc_client.testing.types import ASGIApp, Event, Scope


class Lifespan:
    """Starts an application and stops it.

    An application that raises or returns instead does not support the lifespan; that is not an
    error (ASGI, "Lifespan Protocol"). `state` is what the application stores for its requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.state: dict[str, object] = {}
        self._app = app
        self._tasks = Tasks()
        self._events: Queue[Event] = Queue()
        self._replies: Queue[Event] = Queue()
        self._is_supported = False

    async def startup(self) -> None:
        """Start the application. Raises `RuntimeError` if it reports a failure."""
        self._tasks.start(self._run(), Context())
        try:
            reply = await self._request("startup")
        except BaseException:
            await self._tasks.end()
            raise
        self._is_supported = reply["type"] == "lifespan.startup.complete"

    async def shutdown(self) -> None:
        """Stop the application. Raises `RuntimeError` if it fails."""
        try:
            if self._is_supported:
                reply = await self._request("shutdown")
                if reply.get("failure"):
                    raise RuntimeError("the application failed to stop") from reply["failure"]
        finally:
            await self._tasks.end()

    async def _request(self, phase: str) -> Event:
        self._events.put_nowait({"type": f"lifespan.{phase}"})
        reply = await self._replies.get()
        if reply["type"] == f"lifespan.{phase}.failed":
            raise RuntimeError(f"{reply['type']}: {reply.get('message', '')}")
        return reply

    async def _run(self) -> None:
        scope: Scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self.state,
        }
        failure: Exception | None = None
        try:
            await self._app(scope, self._events.get, self._replies.put)
        except Exception as exc:
            failure = exc
        self._replies.put_nowait({"type": "returned", "failure": failure})
