"""Running an ASGI application, as a server does in its event loop."""

from collections.abc import Callable
from contextvars import Context
from functools import partial

from connectrpc_client.testing.event_loop import Tasks, wait
from connectrpc_client.testing.exchange import PATIENCE, Exchange
from connectrpc_client.testing.lifespan import Lifespan
from connectrpc_client.testing.request import Site
from connectrpc_client.testing.types import ASGIApp, Event, Scope
from connectrpc_protocol import RawHeaders
from connectrpc_protocol.http import HttpRequest


class ASGIHost:
    """Answers requests by an application, each in a task of its own, in the loop of the caller."""

    def __init__(self, app: ASGIApp, site: Site) -> None:
        self._app = app
        self._site = site
        self._tasks = Tasks()
        self._exchanges: set[Exchange] = set()
        self._lifespan: Lifespan | None = None

    async def startup(self) -> None:
        """Run the startup of the application's lifespan. Raises `RuntimeError` where it fails."""
        lifespan = Lifespan(self._app)
        await lifespan.startup()
        self._lifespan = lifespan

    def starting(self, exchange: Exchange, request: HttpRequest) -> Callable[[], None]:
        """What begins to answer a request, once it is called in the loop."""
        scope = self._site.scope(request)
        if self._lifespan is not None:
            scope["state"] = self._lifespan.state.copy()

        def start() -> None:
            self._exchanges.add(exchange)
            # There is a network between an application and the context of its clients.
            self._tasks.start(self._run(exchange, scope), Context())

        return start

    async def _run(self, exchange: Exchange, scope: Scope) -> None:
        failure: BaseException | None = None
        try:
            await self._app(scope, partial(_receive, exchange), _Answer(exchange).send)
        except BaseException as exc:
            failure = exc
            if not isinstance(exc, Exception):
                raise
        finally:
            self._exchanges.discard(exchange)
            exchange.signal.change(lambda: exchange.returned(failure))

    async def aclose(self) -> None:
        """End all exchanges, wait for the application, and run the shutdown of its lifespan."""
        for exchange in list(self._exchanges):
            exchange.signal.change(exchange.leave)
        await self._tasks.end(PATIENCE)
        lifespan, self._lifespan = self._lifespan, None
        if lifespan is not None:
            await lifespan.shutdown()


async def _receive(exchange: Exchange) -> Event:
    received = await wait(exchange.signal, exchange.receive)
    if received is None:
        return {"type": "http.disconnect"}
    return {"type": "http.request", "body": received.data, "more_body": not received.is_last}


class _Answer:
    """Takes the events of an answer, in the one order that there is ("HTTP", "Response Start")."""

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
        self._exchange.signal.change(lambda: self._exchange.start(status, headers))

    async def _body(self, event: Event) -> None:
        await wait(self._exchange.signal, partial(self._exchange.put, event.get("body", b"")))
        if event.get("more_body", False):
            return
        if self._has_trailers:
            self._expected = "http.response.trailers"
        else:
            self._end()

    def _end(self) -> None:
        self._expected = "nothing more"
        self._exchange.signal.change(lambda: self._exchange.end(self._trailers))
