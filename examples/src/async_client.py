"""Make all four kinds of RPC with the async client.

Run `python examples/src/async_client.py http://localhost:8080`.
"""

import asyncio
import sys

from eliza.v1.eliza_connect import ElizaServiceClient
from eliza.v1.eliza_pb2 import (
    ConverseRequest,
    IntroduceRequest,
    SayRequest,
    SummarizeRequest,
)

SENTENCES = ["I need a break", "My brother never calls", "Goodbye"]


async def main(url: str) -> None:
    async with ElizaServiceClient(url) as client:
        said = await client.say(SayRequest(sentence="I feel tired"))
        print("say:", said.sentence)

        async for welcome in client.introduce(IntroduceRequest(name="Ada")):
            print("introduce:", welcome.sentence)

        summary = await client.summarize(SummarizeRequest(sentence=each) for each in SENTENCES)
        print("summarize:", summary.diagnosis)

        async for reply in client.converse(ConverseRequest(sentence=each) for each in SENTENCES):
            print("converse:", reply.sentence)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
