"""Start Eliza's server, make every kind of call, and print a transcript: `just demo`.

The program starts the server of `examples/src/asgi_server.py`, makes calls over Connect, gRPC and
gRPC-Web, compares each response with the expected one, and stops the server. The exit status is 1
if a response differs.
"""

import asyncio
import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import httpx

from connectrpc_client import Code, ConnectError, ProtocolName

EXAMPLES = Path(__file__).parents[1] / "examples" / "src"
sys.path.insert(0, str(EXAMPLES))

from eliza.v1.eliza_connect import (  # noqa: E402
    ElizaServiceClient,
    ElizaServiceClientSync,
)
from eliza.v1.eliza_pb2 import (  # noqa: E402
    ConverseRequest,
    IntroduceRequest,
    SayRequest,
    Suggestion,
    SummarizeRequest,
)

TIME_LIMIT = 60  # seconds for the whole program, which takes about five
CALL_LIMIT = 20_000  # milliseconds for one call
PROTOCOLS: tuple[ProtocolName, ...] = ("connect", "grpc", "grpc-web")
PROTOCOL_WIDTH = 10
SAY = "/connectrpc.eliza.v1.ElizaService/Say"

SENTENCE = "I feel tired"
REPLY = "Since when do you feel tired?"
WELCOME = [
    "Welcome, Ada.",
    "I am Eliza, and I have time for you.",
    "What would you like to talk about?",
]
CONVERSATION = {
    "I need a break": "What would a break do for you?",
    "My brother never calls": "Do you think of your brother often?",
    "Goodbye": "Goodbye. Our hour is over.",
}
DIAGNOSIS = "You think about yourself a lot. That is what I am here for."


class DifferentError(Exception):
    """A response differs from the expected one."""


def main() -> int:
    """Run the demonstration. Return the exit status."""
    print("Eliza, a therapist, is served by uvicorn and called over Connect, gRPC and gRPC-Web.")
    print("  ->  sent by the client      <-  received from the server")
    try:
        with served() as url:
            asyncio.run(show_async_clients(url))
            show_sync_clients(url)
            show_plain_http(url)
            asyncio.run(show_failures(url))
            asyncio.run(show_compression(url))
    except (DifferentError, ConnectError, httpx.HTTPError) as error:
        print(f"\nUnexpected: {error}", file=sys.stderr)
        return 1
    print("\nEverything went as expected.")
    return 0


@contextmanager
def served() -> Generator[str, None, None]:
    """Run Eliza's server on a free port; stop it at the end, or after the time limit."""
    # gRPC needs HTTP/2. Of uvicorn's parsers only zttp speaks it, besides HTTP/1.1.
    command = [sys.executable, "-m", "uvicorn", "asgi_server:app", "--http", "zttp", "--http2"]
    command += ["--port", "0", "--no-access-log"]
    process = subprocess.Popen(command, cwd=EXAMPLES, stderr=subprocess.PIPE, text=True)
    time_limit = threading.Timer(TIME_LIMIT, process.kill)
    time_limit.start()
    try:
        url = _announced_url(process)
        print(f"\nThe server listens at {url} (process {process.pid}).")
        yield url
    finally:
        time_limit.cancel()
        process.terminate()
        process.communicate()
        print("\nThe server has stopped.")


def _announced_url(process: subprocess.Popen[str]) -> str:
    log = ""
    for line in process.stderr or ():
        log += line
        if match := re.search(r"http://127\.0\.0\.1:\d+", line):
            return match[0]
    raise DifferentError(f"the server did not start\n{log}")


async def show_async_clients(url: str) -> None:
    """Make the four kinds of RPC with `await` and `async for`, in each protocol."""
    title("Async clients: three protocols, one port")
    async with AsyncExitStack() as stack:
        clients = {
            protocol: await stack.enter_async_context(
                ElizaServiceClient(url, protocol=protocol, timeout_ms=CALL_LIMIT)
            )
            for protocol in PROTOCOLS
        }
        kind("unary: one request, one response")
        sent(SENTENCE)
        for protocol, client in clients.items():
            reply = await client.say(SayRequest(sentence=SENTENCE))
            received(reply.sentence, REPLY, by=protocol)

        kind("server stream: one request, many responses")
        sent("Ada")
        for protocol, client in clients.items():
            welcome = client.introduce(IntroduceRequest(name="Ada"))
            received_all([each.sentence async for each in welcome], WELCOME, by=protocol)

        kind("client stream: many requests, one response")
        sent(*CONVERSATION)
        for protocol, client in clients.items():
            sentences = (SummarizeRequest(sentence=each) for each in CONVERSATION)
            summary = await client.summarize(sentences)
            received(summary.diagnosis, DIAGNOSIS, by=protocol)

        kind("bidi stream: many requests, many responses")
        sent(*CONVERSATION)
        for protocol, client in clients.items():
            replies = client.converse(ConverseRequest(sentence=each) for each in CONVERSATION)
            received_sentences = [each.sentence async for each in replies]
            received_all(received_sentences, [*CONVERSATION.values()], by=protocol)

        kind("full duplex, over gRPC and HTTP/2: each sentence waits for the response before it")
        async with clients["grpc"].open_converse() as call:
            for sentence, expected in CONVERSATION.items():
                sent(sentence)
                await call.send(ConverseRequest(sentence=sentence))
                response = await call.receive()
                received("(nothing)" if response is None else response.sentence, expected)


def show_sync_clients(url: str) -> None:
    """Make the four kinds of RPC without `await`, in each protocol."""
    title("Sync clients: the same without await")
    for protocol in PROTOCOLS:
        with ElizaServiceClientSync(url, protocol=protocol, timeout_ms=CALL_LIMIT) as client:
            kind(f"all four kinds over {protocol}")
            sent(SENTENCE)
            received(client.say(SayRequest(sentence=SENTENCE)).sentence, REPLY)
            sent("Ada")
            welcome = client.introduce(IntroduceRequest(name="Ada"))
            received_all([each.sentence for each in welcome], WELCOME)
            sent(*CONVERSATION)
            sentences = (SummarizeRequest(sentence=each) for each in CONVERSATION)
            received(client.summarize(sentences).diagnosis, DIAGNOSIS)
            replies = client.converse(ConverseRequest(sentence=each) for each in CONVERSATION)
            received_all([each.sentence for each in replies], [*CONVERSATION.values()])


def show_plain_http(url: str) -> None:
    """Make unary calls with plain HTTP: without generated code and without our library."""
    title("No client at all: unary calls are plain HTTP")
    body = json.dumps({"sentence": SENTENCE})
    headers = {"content-type": "application/json"}

    kind("POST with JSON")
    command("curl", "--header", "content-type: application/json", "--data", body, url + SAY)
    response = httpx.post(url + SAY, headers=headers, content=body)
    received(response.text, json.dumps({"sentence": REPLY}, separators=(",", ":")))

    kind("GET, because the proto file declares Say free of side effects; caches can respond")
    query = urlencode({"connect": "v1", "encoding": "json", "message": body})
    command("curl", f"{url}{SAY}?{query}")
    response = httpx.get(f"{url}{SAY}?{query}")
    received(response.text, json.dumps({"sentence": REPLY}, separators=(",", ":")))


async def show_failures(url: str) -> None:
    """Show an error with a typed detail, and a deadline, in each protocol."""
    title("What can go wrong")
    kind("an error: its code, its message and a typed detail")
    sent("(an empty sentence)")
    for protocol in PROTOCOLS:
        async with ElizaServiceClient(url, protocol=protocol, timeout_ms=CALL_LIMIT) as client:
            try:
                await client.say(SayRequest())
            except ConnectError as error:
                hint = error.details[0].unpack(Suggestion).sentence
                text = f"{error}; try: {hint}"
                received(
                    text,
                    f"invalid_argument: the sentence is empty; try: {SENTENCE}",
                    by=protocol,
                )
            else:
                raise DifferentError("an empty sentence did not cause an error")

    kind("a deadline: Eliza waits 100 ms before each sentence, the client allows 150 ms")
    sent("Ada")
    for protocol in PROTOCOLS:
        async with ElizaServiceClient(url, protocol=protocol, timeout_ms=150) as client:
            try:
                async for _ in client.introduce(IntroduceRequest(name="Ada")):
                    pass
            except ConnectError as error:
                received(error.code.value, Code.DEADLINE_EXCEEDED.value, by=protocol)
            else:
                raise DifferentError("the call did not end at its deadline")


async def show_compression(url: str) -> None:
    """Send a long sentence, compressed in both directions."""
    title("Compression")
    kind("gzip in both directions, measured by an HTTP client of the user")
    long = "so tired and " * 1000 + "so tired"
    sizes: list[str] = []

    async def note_request(request: httpx.Request) -> None:
        encoding = request.headers.get("content-encoding")
        sizes.append(f"{request.headers['content-length']} bytes, {encoding}")

    async def note_response(response: httpx.Response) -> None:
        encoding = response.headers.get("content-encoding")
        sizes.append(f"{response.headers['content-length']} bytes, {encoding}")

    async with (
        httpx.AsyncClient(
            event_hooks={"request": [note_request], "response": [note_response]}
        ) as http_client,
        ElizaServiceClient(
            url, http_client=http_client, send_compression="gzip", timeout_ms=CALL_LIMIT
        ) as client,
    ):
        reply = await client.say(SayRequest(sentence=f"I feel {long}"))
    sent(f"a sentence of {len(long) + 7:,} characters: {sizes[0]}")
    received(f"a sentence of {len(reply.sentence):,} characters: {sizes[1]}")
    check(reply.sentence, f"Since when do you feel {long}?")
    check([size.rpartition(" ")[2] for size in sizes], ["gzip", "gzip"])


def title(text: str) -> None:
    """Print the heading of a part."""
    print(f"\n{text}\n{'=' * len(text)}")


def kind(text: str) -> None:
    """Print what the next lines show."""
    print(f"\n{text}")


def command(*words: str) -> None:
    """Print a shell command that makes the same request."""
    print(f"  $ {shlex.join(words)}")


def sent(*texts: str) -> None:
    """Print what the client sends."""
    for text in texts:
        print(f"  ->  {text}")


def received(actual: str, expected: str | None = None, *, by: str = "") -> None:
    """Print what the client received and compare it. `by` names the protocol, if given."""
    print(f"  <-  {by:<{PROTOCOL_WIDTH}}{actual}" if by else f"  <-  {actual}")
    if expected is not None:
        check(actual, expected)


def received_all(actual: list[str], expected: list[str], *, by: str = "") -> None:
    """Print the messages of a stream and compare them."""
    for each in actual:
        received(each, by=by)
    check(actual, expected)


def check(actual: object, expected: object) -> None:
    """Raise `DifferentError` unless both are equal."""
    if actual != expected:
        raise DifferentError(f"{actual!r} instead of {expected!r}")


if __name__ == "__main__":
    sys.exit(main())
