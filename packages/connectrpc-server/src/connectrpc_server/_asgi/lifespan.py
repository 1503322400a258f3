"""The lifespan protocol of ASGI: serving it, and running that of another application."""

import asyncio
from collections.abc import AsyncGenerator, MutableMapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from connectrpc_server._asgi.types import ASGIApp, Event, Receive, Send
from connectrpc_server._logging import logger


async def serve_lifespan(
    context: AbstractAsyncContextManager[None], receive: Receive, send: Send
) -> None:
    """Enter the context manager when the server starts and leave it when the server stops."""
    await receive()
    phase = "startup"
    try:
        async with context:
            await send({"type": "lifespan.startup.complete"})
            phase = "shutdown"
            await receive()
    except Exception as exc:
        logger.error("lifespan %s failed", phase, exc_info=exc)
        await send({"type": f"lifespan.{phase}.failed", "message": repr(exc)})
    else:
        await send({"type": "lifespan.shutdown.complete"})


@asynccontextmanager
async def run_lifespan(
    app: ASGIApp, state: MutableMapping[str, object]
) -> AsyncGenerator[None, None]:
    """Run the lifespan of another application around the body, as a server would.

    `state` comes from the server, which passes it on to every request (ASGI, "Lifespan State"). An
    application that does not support lifespans runs without one, as the specification asks
    ("Lifespan Protocol").

    Raises `RuntimeError` if the startup or the shutdown of the application fails.
    """
    events: asyncio.Queue[Event] = asyncio.Queue()
    replies: asyncio.Queue[Event] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": state}

    async def run() -> None:
        try:
            await app(scope, events.get, replies.put)
        except Exception as exc:
            await replies.put({"type": "unsupported", "error": exc})
        else:
            await replies.put({"type": "unsupported"})

    task = asyncio.create_task(run())
    try:
        await events.put({"type": "lifespan.startup"})
        started = await replies.get()
        _check(started)
        yield
        if started["type"] != "unsupported":
            await events.put({"type": "lifespan.shutdown"})
            _check(await replies.get())
    finally:
        task.cancel()


def _check(reply: Event) -> None:
    if reply["type"].endswith(".failed"):
        raise RuntimeError(f"{reply['type']}: {reply.get('message', '')}")
