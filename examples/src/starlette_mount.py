"""Mount Eliza below a prefix of a Starlette application, with work to do at start and end.

A framework does not pass the server's lifespan to the applications that are mounted in it, so the
outer application enters Eliza's lifespan in its own.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from eliza.v1.eliza_connect import ElizaServiceASGIApplication
from eliza_service import Eliza


async def open_practice() -> AsyncGenerator[Eliza, None]:
    print("the practice opens")  # for example, open a pool of database connections
    yield Eliza()
    print("the practice closes")


eliza = ElizaServiceASGIApplication(open_practice())


def lifespan(_app: Starlette) -> AbstractAsyncContextManager[None]:
    return eliza.lifespan()


async def home(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("Eliza is at /api")


app = Starlette(routes=[Route("/", home), Mount("/api", eliza)], lifespan=lifespan)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8080")))
