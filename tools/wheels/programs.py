"""Programs that the new environments run: servers, and calls to them."""

WSGI_SERVER = """\
from wsgiref.simple_server import make_server

from eliza.v1.eliza_connect import ElizaServiceWSGIApplication
from eliza_service import ElizaSync

with make_server("127.0.0.1", 0, ElizaServiceWSGIApplication(ElizaSync())) as server:
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
"""
ASGI_SERVER = """\
import uvicorn

from eliza.v1.eliza_connect import ElizaServiceASGIApplication
from eliza_service import Eliza

uvicorn.run(ElizaServiceASGIApplication(Eliza()), port=0)
"""
# wsgiref does not read chunked bodies, so these calls do not stream requests.
WSGI_CALLS = """\
import asyncio, sys

from eliza.v1.eliza_connect import ElizaServiceClient, ElizaServiceClientSync
from eliza.v1.eliza_pb2 import SayRequest


async def call(url):
    async with ElizaServiceClient(url) as client:
        print((await client.say(SayRequest(sentence="I feel tired"))).sentence)


with ElizaServiceClientSync(sys.argv[1]) as client:
    print(client.say(SayRequest(sentence="I feel tired"), use_get=True).sentence)
asyncio.run(call(sys.argv[1]))
"""
# Calls that work without the extra `pyqwest`, and errors that say that it is missing.
HTTPX_CALLS = """\
import sys

from eliza.v1.eliza_connect import ElizaServiceClientSync
from eliza.v1.eliza_pb2 import SayRequest
from connectrpc_client import ConnectError

with ElizaServiceClientSync(sys.argv[1], protocol="grpc-web") as client:
    print(client.say(SayRequest(sentence="I feel tired")).sentence)
    try:
        client.open_converse()
    except ConnectError as error:
        print("connectrpc-client[pyqwest]" in str(error))
try:
    ElizaServiceClientSync(sys.argv[1], protocol="grpc")
except ValueError as error:
    print("connectrpc-client[pyqwest]" in str(error))
"""
REPLY = "Since when do you feel tired?"
