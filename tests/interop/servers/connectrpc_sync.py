"""The service in our sync API: `app` is a WSGI application."""

import time
from collections import defaultdict
from collections.abc import Iterator
from threading import Event, Lock

import responses
from connectrpc_async import failure, return_metadata
from interop.v1 import interop_pb2 as pb
from interop.v1.interop_connect import (
    ImpatientServiceSync,
    ImpatientServiceWSGIApplication,
    InteropServiceSync,
    InteropServiceWSGIApplication,
)

from connectrpc_server import RequestContext, combine


class Interop(InteropServiceSync):
    def __init__(self) -> None:
        self._lock = Lock()
        self._events: defaultdict[tuple[str, str], Event] = defaultdict(Event)
        self._guests: defaultdict[str, int] = defaultdict(int)

    def _event(self, key: str, name: str) -> Event:
        with self._lock:
            return self._events[key, name]

    def echo(self, request: pb.EchoRequest, ctx: RequestContext) -> pb.EchoResponse:
        return_metadata(ctx)
        return responses.echo(request)

    def collect(self, requests: Iterator[pb.EchoRequest], ctx: RequestContext) -> pb.EchoResponse:
        return_metadata(ctx)
        return responses.collect(requests)

    def repeat(self, request: pb.RepeatRequest, ctx: RequestContext) -> Iterator[pb.EchoResponse]:
        return_metadata(ctx)
        yield from responses.repeat(request)

    def chat(
        self, requests: Iterator[pb.EchoRequest], ctx: RequestContext
    ) -> Iterator[pb.EchoResponse]:
        return_metadata(ctx)
        for request in requests:
            yield responses.echo(request)
            if responses.is_goodbye(request):
                break

    def fail(self, request: pb.FailRequest, ctx: RequestContext) -> pb.EchoResponse:
        raise failure(request, ctx)

    def fail_late(self, request: pb.FailRequest, ctx: RequestContext) -> Iterator[pb.EchoResponse]:
        yield pb.EchoResponse(text="so far")
        raise failure(request, ctx)

    def remaining(self, request: pb.RemainingRequest, ctx: RequestContext) -> pb.RemainingResponse:
        return responses.remaining(ctx.timeout_ms)

    def wait(self, request: pb.WaitRequest, ctx: RequestContext) -> pb.WaitResponse:
        self._event(request.key, "started").set()
        return ponder(ctx)

    def tick(self, request: pb.WaitRequest, ctx: RequestContext) -> Iterator[pb.WaitResponse]:
        try:
            # Bounded, because pyvoy does not report that the client disconnected.
            for _ in range(500):
                yield pb.WaitResponse()
                time.sleep(0.01)
        finally:
            self._event(request.key, "canceled").set()

    def meet(self, request: pb.MeetRequest, ctx: RequestContext) -> pb.MeetResponse:
        all_there = self._event(request.key, "all there")
        with self._lock:
            self._guests[request.key] += 1
            if self._guests[request.key] == request.guests:
                all_there.set()
        all_there.wait(responses.PONDERING)
        return pb.MeetResponse()

    def observe(self, request: pb.ObserveRequest, ctx: RequestContext) -> pb.ObserveResponse:
        event = self._event(request.key, request.event)
        return pb.ObserveResponse(happened=event.wait(responses.OBSERVATION))


class Impatient(ImpatientServiceSync):
    def ponder(self, request: pb.WaitRequest, ctx: RequestContext) -> pb.WaitResponse:
        return ponder(ctx)


def ponder(ctx: RequestContext) -> pb.WaitResponse:
    """Wait until just after the deadline, because nothing interrupts a sync handler."""
    left = ctx.timeout_ms
    time.sleep(responses.PONDERING if left is None else left / 1000 + 0.01)
    return pb.WaitResponse()


app = combine(
    InteropServiceWSGIApplication(Interop()),
    ImpatientServiceWSGIApplication(Impatient(), default_timeout_ms=responses.IMPATIENCE),
)
