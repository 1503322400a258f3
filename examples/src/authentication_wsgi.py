"""Serve Eliza with WSGI to clients that send a known token."""

import os

from werkzeug.serving import run_simple

from authentication import USER, CheckToken
from connectrpc_server import RequestContext
from eliza.v1.eliza_connect import ElizaServiceWSGIApplication
from eliza.v1.eliza_pb2 import SayRequest, SayResponse
from eliza_service import ElizaSync


class DiscreetEliza(ElizaSync):
    def say(self, request: SayRequest, ctx: RequestContext) -> SayResponse:
        response = super().say(request, ctx)
        user = ctx.get(USER)
        return SayResponse(sentence=f"{user}: {response.sentence}")


app = ElizaServiceWSGIApplication(
    DiscreetEliza(), interceptors=[CheckToken({"token-of-ada": "Ada"})]
)

if __name__ == "__main__":
    run_simple("127.0.0.1", int(os.environ.get("PORT", "8080")), app, threaded=True)
