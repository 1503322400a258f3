"""Mount Eliza below a prefix of a FastAPI application, with work to do at start and end.

A framework does not pass the server's lifespan to the applications that are mounted in it, so the
outer application enters Eliza's lifespan in its own.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from eliza.v1.eliza_connect import ElizaServiceASGIApplication
from eliza_service import Eliza


async def open_practice() -> AsyncGenerator[Eliza, None]:
    print("the practice opens")  # for example, open a pool of database connections
    yield Eliza()
    print("the practice closes")


eliza = ElizaServiceASGIApplication(open_practice())


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncGenerator[None, None]:
    async with eliza.lifespan():
        yield


app = FastAPI(lifespan=lifespan)
app.mount("/api", eliza)


@app.get("/")
async def home() -> dict[str, str]:
    return {"eliza": "/api"}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8080")))
