"""How the requests of a stream become the body of the HTTP request."""

import pytest
from google.protobuf.wrappers_pb2 import StringValue

REQUESTS = [StringValue(value="a"), StringValue(value="b")]
LONG_REQUESTS = [StringValue(value=letter * 40_000) for letter in "abc"]
lists = pytest.mark.parametrize("requests", [REQUESTS, LONG_REQUESTS], ids=["short", "long"])


class TestRequestBodies:
    """The content and the `content-length` of the HTTP request."""

    def body(self, caller, server, requests, **options):
        server.handler = server.stream("x", "y")
        caller.call("bidi", requests, **options)
        return self.bodies(server)[-1]

    def bodies(self, server):
        return [
            (request.content, request.headers.get("content-length")) for request in server.requests
        ]

    @pytest.fixture
    def packed(self, pack):
        return lambda *texts: b"".join(
            pack(StringValue(value=text).SerializeToString()) for text in texts
        )

    @pytest.mark.parametrize("kind", [list, tuple])
    def test_a_list_is_sent_at_once(self, caller, server, packed, kind):
        assert self.body(caller, server, kind(REQUESTS)) == (packed("a", "b"), "16")

    def test_an_empty_list(self, caller, server):
        assert self.body(caller, server, []) == (b"", "0")

    def test_an_iterator_is_sent_in_chunks(self, caller, server, packed):
        assert self.body(caller, server, iter(REQUESTS)) == (packed("a", "b"), None)

    def test_a_long_list_is_sent_in_chunks(self, caller, server, packed):
        expected = packed("a" * 40_000, "b" * 40_000, "c" * 40_000)
        assert self.body(caller, server, LONG_REQUESTS) == (expected, None)

    def test_one_long_message_has_a_length(self, caller, server):
        content, length = self.body(caller, server, [StringValue(value="a" * 100_000)])
        assert length == str(len(content))

    def test_messages_are_compressed(self, caller, server):
        content, length = self.body(
            caller, server, LONG_REQUESTS, send_compression="gzip", compress_min_bytes=0
        )
        assert length == str(len(content))
        assert len(content) < 1000

    def test_a_message_that_cannot_be_encoded(self, caller, server):
        with pytest.raises(TypeError):
            self.body(caller, server, [StringValue(value="a"), "b"])
        assert server.requests == []

    def test_a_list_that_iterates_in_another_way(self, caller, server, packed):
        class Doubling(list):
            def __iter__(self):
                for message in super().__iter__():
                    yield from (message, message)

        content, _ = self.body(caller, server, Doubling(REQUESTS))
        assert content == packed("a", "a", "b", "b")

    @lists
    def test_interceptors_may_take_from_a_list(self, caller, server, packed, requests):
        class Takes:
            async def intercept_bidi_stream(self, call_next, requests, ctx):
                await anext(requests)
                async for response in call_next(requests, ctx):
                    yield response

        class TakesSync:
            def intercept_bidi_stream_sync(self, call_next, requests, ctx):
                next(requests)
                yield from call_next(requests, ctx)

        interceptor = Takes() if caller.is_async else TakesSync()
        content, _ = self.body(caller, server, requests, interceptors=[interceptor])
        assert content == packed(*[each.value for each in requests[1:]])

    @lists
    def test_a_list_can_be_sent_again(self, caller, server, packed, requests):
        class Retries:
            async def intercept_bidi_stream(self, call_next, requests, ctx):
                async for _ in call_next(requests, ctx):
                    pass
                async for response in call_next(requests, ctx):
                    yield response

        class RetriesSync:
            def intercept_bidi_stream_sync(self, call_next, requests, ctx):
                list(call_next(requests, ctx))
                yield from call_next(requests, ctx)

        interceptor = Retries() if caller.is_async else RetriesSync()
        self.body(caller, server, requests, interceptors=[interceptor])
        first, second = self.bodies(server)
        assert first == second
        assert second[0] == packed(*[each.value for each in requests])
