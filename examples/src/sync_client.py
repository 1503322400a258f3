"""Make all four kinds of RPC with the sync client.

Run `python examples/src/sync_client.py http://localhost:8080`.
"""

import sys

from eliza.v1.eliza_connect import ElizaServiceClientSync
from eliza.v1.eliza_pb2 import (
    ConverseRequest,
    IntroduceRequest,
    SayRequest,
    SummarizeRequest,
)

SENTENCES = ["I need a break", "My brother never calls", "Goodbye"]


def main(url: str) -> None:
    with ElizaServiceClientSync(url) as client:
        said = client.say(SayRequest(sentence="I feel tired"))
        print("say:", said.sentence)

        for welcome in client.introduce(IntroduceRequest(name="Ada")):
            print("introduce:", welcome.sentence)

        summary = client.summarize(SummarizeRequest(sentence=each) for each in SENTENCES)
        print("summarize:", summary.diagnosis)

        for reply in client.converse(ConverseRequest(sentence=each) for each in SENTENCES):
            print("converse:", reply.sentence)


if __name__ == "__main__":
    main(sys.argv[1])
