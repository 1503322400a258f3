"""Serve Eliza with ASGI to clients that send a known token."""

import os

import uvicorn

from authentication import USER, CheckToken
from connectrpc_server import RequestContext
from eliza.v1.eliza_connect import ElizaServiceASGIApplication
from eliza.v1.eliza_pb2 import SayRequest, SayResponse
from eliza_service import Eliza


class DiscreetEliza(Eliza):
    async def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        response = await super().say(request, ctx)
        user = ctx.get(USER)
        return SayResponse(sentence=f"{user}: {response.sentence}")


app = ElizaServiceASGIApplication(
    DiscreetEliza(), interceptors=[CheckToken({"token-of-ada": "Ada"})]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ.get("PORT", "8080")))
