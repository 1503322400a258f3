"""Call Eliza with and without a token, with the async and the sync client.

Run `python examples/src/authentication_client.py http://localhost:8080`.
"""

import asyncio
import sys

from authentication import SendToken
from connectrpc_client import ConnectError
from eliza.v1.eliza_connect import ElizaServiceClient, ElizaServiceClientSync
from eliza.v1.eliza_pb2 import SayRequest

REQUEST = SayRequest(sentence="I feel tired")


async def call(url: str) -> None:
    async with ElizaServiceClient(url, interceptors=[SendToken("token-of-ada")]) as client:
        print("async:", (await client.say(REQUEST)).sentence)
    async with ElizaServiceClient(url) as stranger:
        try:
            await stranger.say(REQUEST)
        except ConnectError as error:
            print("async:", error)


def call_sync(url: str) -> None:
    with ElizaServiceClientSync(url, interceptors=[SendToken("token-of-ada")]) as client:
        print("sync:", client.say(REQUEST).sentence)
    with ElizaServiceClientSync(url) as stranger:
        try:
            stranger.say(REQUEST)
        except ConnectError as error:
            print("sync:", error)


if __name__ == "__main__":
    asyncio.run(call(sys.argv[1]))
    call_sync(sys.argv[1])
