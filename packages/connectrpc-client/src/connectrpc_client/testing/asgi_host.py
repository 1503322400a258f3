"""Running an ASGI application, as a server does in its event loop."""

from collections.abc import Callable
from contextvars import Context
from functools import partial

from connectrpc_client.testing.event_loop import Tasks, wait
from connectrpc_client.testing.exchange import GRACE_PERIOD, Exchange
from connectrpc_client.testing.lifespan import Lifespan
from connectrpc_client.testing.request import ConnectionInfo
from connectrpc_client.testing.types import ASGIApp, Event, Scope
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.http import HttpRequest


class ASGIHost:
    """Runs an application for each request, in a task of its own in the caller's event loop."""

    def __init__(self, app: ASGIApp, connection: ConnectionInfo) -> None:
        self._app = app
        self._connection = connection
        self._tasks = Tasks()
        self._exchanges: set[Exchange] = set()
        self._lifespan: Lifespan | None = None

    async def startup(self) -> None:
        """Run the startup of the application's lifespan. Raises `RuntimeError` if it fails."""
        lifespan = Lifespan(self._app)
        await lifespan.startup()
        self._lifespan = lifespan

    def prepare(self, exchange: Exchange, request: HttpRequest) -> Callable[[], None]:
        """Return the function that starts the application. It must be called in the event loop."""
        scope = self._connection.scope(request)
        if self._lifespan is not None:
            scope["state"] = self._lifespan.state.copy()

        def start() -> None:
            self._exchanges.add(exchange)
            # In an empty context: over a network, an application does not see its clients' context.
            self._tasks.start(self._run(exchange, scope), Context())

        return start

    async def _run(self, exchange: Exchange, scope: Scope) -> None:
        failure: BaseException | None = None
        try:
            await self._app(scope, partial(_receive, exchange), _Response(exchange).send)
        except BaseException as exc:
            failure = exc
            if not isinstance(exc, Exception):
                raise
        finally:
            self._exchanges.discard(exchange)
            exchange.monitor.change(lambda: exchange.application_returned(failure))

    async def aclose(self) -> None:
        """End all exchanges, wait for the application, and run the shutdown of its lifespan."""
        for exchange in list(self._exchanges):
            exchange.monitor.change(exchange.disconnect)
        await self._tasks.end(GRACE_PERIOD)
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.shutdown()


async def _receive(exchange: Exchange) -> Event:
    received = await wait(exchange.monitor, exchange.receive)
    if received is None:
        return {"type": "http.disconnect"}
    return {"type": "http.request", "body": received.data, "more_body": not received.is_last}


class _Response:
    """Takes the events of a response in the order of ASGI ("HTTP", "Response Start")."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._expected = "http.response.start"
        self._has_trailers = False
        self._trailers: list[tuple[bytes, bytes]] = []

    async def send(self, event: Event) -> None:
        if event["type"] != self._expected:
            raise RuntimeError(f"expected {self._expected}, not {event['type']!r}")
        if event["type"] == "http.response.start":
            self._start(event)
        elif event["type"] == "http.response.body":
            await self._body(event)
        else:
            self._trailers += event["headers"]
            if not event.get("more_trailers", False):
                self._end()

    def _start(self, event: Event) -> None:
        self._has_trailers = event.get("trailers", False)
        self._expected = "http.response.body"
        status: int = event["status"]
        headers: RawHeaders = list(event.get("headers", ()))
        self._exchange.monitor.change(lambda: self._exchange.start(status, headers))

    async def _body(self, event: Event) -> None:
        await wait(self._exchange.monitor, partial(self._exchange.put, event.get("body", b"")))
        if event.get("more_body", False):
            return
        if self._has_trailers:
            self._expected = "http.response.trailers"
        else:
            self._end()

    def _end(self) -> None:
        self._expected = "nothing more"
        self._exchange.monitor.change(lambda: self._exchange.end(self._trailers))
