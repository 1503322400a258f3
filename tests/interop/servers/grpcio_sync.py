"""The service on grpcio's sync server, with the code that grpcio's plugin generates."""

# ruff: noqa: N802 -- the generated base class has these names

import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import grpc
import responses
from grpcio_common import CODES, compress, pairs, remaining, set_trailers
from interop.v1 import interop_pb2 as pb
from interop.v1 import interop_pb2_grpc

_THREADS = 100
"""More than the calls that a test makes at the same time and that wait for each other."""

Context = grpc.ServicerContext


class Interop(interop_pb2_grpc.InteropServiceServicer):
    def __init__(self) -> None:
        self._lock = Lock()
        self._events: defaultdict[tuple[str, str], Event] = defaultdict(Event)
        self._guests: defaultdict[str, int] = defaultdict(int)

    def _event(self, key: str, name: str) -> Event:
        with self._lock:
            return self._events[key, name]

    def Echo(self, request: pb.EchoRequest, context: Context) -> pb.EchoResponse:
        return_metadata(context)
        return responses.echo(request)

    def Collect(self, requests: Iterator[pb.EchoRequest], context: Context) -> pb.EchoResponse:
        return_metadata(context)
        return responses.collect(requests)

    def Repeat(self, request: pb.RepeatRequest, context: Context) -> Iterator[pb.EchoResponse]:
        return_metadata(context)
        yield from responses.repeat(request)

    def Chat(
        self, requests: Iterator[pb.EchoRequest], context: Context
    ) -> Iterator[pb.EchoResponse]:
        return_metadata(context)
        for request in requests:
            yield responses.echo(request)
            if responses.is_goodbye(request):
                break

    def Fail(self, request: pb.FailRequest, context: Context) -> pb.EchoResponse:
        set_trailers(context, request)
        context.abort(CODES[request.code], request.message)

    def FailLate(self, request: pb.FailRequest, context: Context) -> Iterator[pb.EchoResponse]:
        yield pb.EchoResponse(text="so far")
        set_trailers(context, request)
        context.abort(CODES[request.code], request.message)

    def Remaining(self, request: pb.RemainingRequest, context: Context) -> pb.RemainingResponse:
        return remaining(context)

    def Wait(self, request: pb.WaitRequest, context: Context) -> pb.WaitResponse:
        is_over = Event()
        context.add_callback(is_over.set)
        self._event(request.key, "started").set()
        if is_over.wait(responses.PONDERING):
            self._event(request.key, "canceled").set()
        return pb.WaitResponse()

    def Tick(self, request: pb.WaitRequest, context: Context) -> Iterator[pb.WaitResponse]:
        context.add_callback(self._event(request.key, "canceled").set)
        while context.is_active():
            yield pb.WaitResponse()
            time.sleep(0.01)

    def Meet(self, request: pb.MeetRequest, context: Context) -> pb.MeetResponse:
        all_there = self._event(request.key, "all there")
        with self._lock:
            self._guests[request.key] += 1
            if self._guests[request.key] == request.guests:
                all_there.set()
        all_there.wait(responses.PONDERING)
        return pb.MeetResponse()

    def Observe(self, request: pb.ObserveRequest, context: Context) -> pb.ObserveResponse:
        event = self._event(request.key, request.event)
        return pb.ObserveResponse(happened=event.wait(responses.OBSERVATION))


def return_metadata(context: Context) -> None:
    compress(context)
    context.send_initial_metadata(responses.headers(pairs(context)))
    set_trailers(context)


def main() -> None:
    """Serve until SIGTERM."""
    server = grpc.server(ThreadPoolExecutor(_THREADS))
    interop_pb2_grpc.add_InteropServiceServicer_to_server(Interop(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(f"http://127.0.0.1:{port}", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main()
