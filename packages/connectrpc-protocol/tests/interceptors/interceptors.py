"""Interceptors that the tests of this folder share."""

from google.protobuf.wrappers_pb2 import StringValue


class Tag:
    """Wraps every call: puts its name around the text of each message."""

    def __init__(self, name: str, log: list[str] | None = None) -> None:
        self.name = name
        self.log = [] if log is None else log

    def wrap(self, message: StringValue) -> StringValue:
        return StringValue(value=f"{self.name}({message.value})")

    async def intercept_unary(self, call_next, request, ctx):
        return self.wrap(await call_next(self.wrap(request), ctx))

    async def intercept_client_stream(self, call_next, requests, ctx):
        return self.wrap(await call_next(self.wrap_each(requests), ctx))

    async def intercept_server_stream(self, call_next, request, ctx):
        async for message in call_next(self.wrap(request), ctx):
            yield self.wrap(message)

    async def intercept_bidi_stream(self, call_next, requests, ctx):
        async for message in call_next(self.wrap_each(requests), ctx):
            yield self.wrap(message)

    async def on_start(self, ctx):
        self.log.append(f"start {self.name}")
        return self.name

    async def on_end(self, token, ctx, error):
        self.log.append(f"end {token} {error!s}")

    async def wrap_each(self, requests):
        async for request in requests:
            yield self.wrap(request)


class TagSync:
    """`Tag` for sync chains."""

    def __init__(self, name: str, log: list[str] | None = None) -> None:
        self.name = name
        self.log = [] if log is None else log

    def wrap(self, message: StringValue) -> StringValue:
        return StringValue(value=f"{self.name}({message.value})")

    def intercept_unary_sync(self, call_next, request, ctx):
        return self.wrap(call_next(self.wrap(request), ctx))

    def intercept_client_stream_sync(self, call_next, requests, ctx):
        return self.wrap(call_next(map(self.wrap, requests), ctx))

    def intercept_server_stream_sync(self, call_next, request, ctx):
        yield from map(self.wrap, call_next(self.wrap(request), ctx))

    def intercept_bidi_stream_sync(self, call_next, requests, ctx):
        yield from map(self.wrap, call_next(map(self.wrap, requests), ctx))

    def on_start_sync(self, ctx):
        self.log.append(f"start {self.name}")
        return self.name

    def on_end_sync(self, token, ctx, error):
        self.log.append(f"end {token} {error!s}")


class NoOp:
    """A metadata interceptor, async and sync, that does nothing."""

    async def on_start(self, ctx):
        return None

    async def on_end(self, token, ctx, error):
        return None

    def on_start_sync(self, ctx):
        return None

    def on_end_sync(self, token, ctx, error):
        return None
