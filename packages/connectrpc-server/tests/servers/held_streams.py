"""Opens many streams and holds them: `python held_streams.py PORT VERSION TEXT COUNT`.

VERSION is `HTTP1` or `HTTP2`. It prints a line when each stream has its response head, and then
waits to be killed.

It does not wait for messages. Responses that are not read can use up the flow-control window of an
HTTP/2 connection (RFC 9113, section 5.2), and the other streams would then not get any message.
"""

import asyncio
import struct
import sys

import pyqwest
from google.protobuf.wrappers_pb2 import StringValue

port, version, text, count = sys.argv[1:]
message = StringValue(value=text).SerializeToString()


async def requests():
    yield struct.pack(">BI", 0, len(message)) + message
    await asyncio.Event().wait()


async def hold(client, is_open):
    async with client.stream(
        "POST",
        f"http://127.0.0.1:{port}/test.v1.Live/Hold",
        headers=[("content-type", "application/connect+proto")],
        content=requests(),
    ):
        is_open.release()
        await asyncio.Event().wait()


async def main():
    client = pyqwest.Client(
        pyqwest.HTTPTransport(http_version=getattr(pyqwest.HTTPVersion, version))
    )
    is_open = asyncio.Semaphore(0)
    async with asyncio.TaskGroup() as group:
        for _ in range(int(count)):
            group.create_task(hold(client, is_open))
        for _ in range(int(count)):
            await is_open.acquire()
        print("open", flush=True)


asyncio.run(main())
