"""The checks of a whole service when an application is built, with a service as it is generated."""

import asyncio
import warnings
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol
from unittest.mock import AsyncMock, MagicMock, Mock, NonCallableMagicMock, create_autospec

import pytest
from google.protobuf.wrappers_pb2 import StringValue

from connectrpc_server import (
    ASGIApplication,
    Handler,
    HandlerSync,
    Method,
    MethodKind,
    WSGIApplication,
)


def method(name, kind):
    return Method(
        service="acme.v1.Greeter", name=name, kind=kind, request=StringValue, response=StringValue
    )


GREET = method("Greet", MethodKind.UNARY)
COLLECT_ALL = method("CollectAll", MethodKind.CLIENT_STREAM)
REPEAT = method("Repeat", MethodKind.SERVER_STREAM)
TALK = method("Talk", MethodKind.BIDI_STREAM)


class Greeter(Protocol):
    async def greet(self, request, ctx):
        raise GREET.unimplemented()

    async def collect_all(self, requests, ctx):
        raise COLLECT_ALL.unimplemented()

    def repeat(self, request, ctx):
        raise REPEAT.unimplemented()

    def talk(self, requests, ctx):
        raise TALK.unimplemented()


class GreeterSync(Protocol):
    def greet(self, request, ctx):
        raise GREET.unimplemented()

    def collect_all(self, requests, ctx):
        raise COLLECT_ALL.unimplemented()

    def repeat(self, request, ctx):
        raise REPEAT.unimplemented()

    def talk(self, requests, ctx):
        raise TALK.unimplemented()


class GreeterASGIApplication(ASGIApplication[Greeter]):
    service_name = "acme.v1.Greeter"

    def handlers(self, service):
        return [
            Handler.unary(GREET, service.greet),
            Handler.client_stream(COLLECT_ALL, service.collect_all),
            Handler.server_stream(REPEAT, service.repeat),
            Handler.bidi_stream(TALK, service.talk),
        ]


class GreeterWSGIApplication(WSGIApplication[GreeterSync]):
    service_name = "acme.v1.Greeter"

    def handlers(self, service):
        return [
            HandlerSync.unary(GREET, service.greet),
            HandlerSync.client_stream(COLLECT_ALL, service.collect_all),
            HandlerSync.server_stream(REPEAT, service.repeat),
            HandlerSync.bidi_stream(TALK, service.talk),
        ]


BOTH = pytest.mark.parametrize(
    ("application", "generated"),
    [(GreeterASGIApplication, Greeter), (GreeterWSGIApplication, GreeterSync)],
    ids=["asgi", "wsgi"],
)


class TestMissingMethods:
    @BOTH
    def test_a_service_without_the_method_of_an_rpc_is_refused(self, application, generated):
        class Mine:
            greet = staticmethod(AsyncMock() if generated is Greeter else Mock())

        with pytest.raises(TypeError) as caught:
            application(Mine())
        assert str(caught.value) == (
            "the service must be an object with a method for each RPC: Mine does not have the "
            "method 'collect_all' of acme.v1.Greeter; write it, or derive the class from "
            f"{generated.__name__}, so that calls of this method fail with 'unimplemented'"
        )

    @BOTH
    def test_a_misspelt_method_is_to_be_renamed(self, application, generated):
        class Mine:
            def great(self, request, ctx): ...

        with pytest.raises(TypeError, match=r"method 'greet' .*; rename 'great', write it, or"):
            application(Mine())

    @BOTH
    def test_an_object_of_another_kind_is_refused(self, application, generated):
        for service in ("text", 7, [generated], {}, object()):
            name = type(service).__name__
            with pytest.raises(TypeError, match=f"{name} does not have the method 'greet'"):
                application(service)

    @BOTH
    def test_a_sync_context_manager_is_refused(self, application, generated):
        @contextmanager
        def service():
            yield generated

        with pytest.raises(TypeError, match=r"is a context manager .*; pass the object that it"):
            application(service())

    def test_a_wsgi_application_refuses_an_async_generator(self):
        async def service():
            yield Greeter

        for each in (service(), asynccontextmanager(service)()):
            with pytest.raises(TypeError, match="async generator; pass the object that it yields"):
                GreeterWSGIApplication(each)

    def test_a_service_that_is_yielded_is_checked_too(self):
        class Mine(Greeter): ...

        for yielded, text in (
            (Mine, "Mine is a class; pass an instance of it, such as Mine()"),
            (None, "None does not have any"),
            (object(), "object does not have the method 'greet'"),
        ):

            async def service(yielded=yielded):
                yield yielded

            async def start(service=service):
                async with GreeterASGIApplication(service()).lifespan():
                    pass

            with pytest.raises(TypeError) as caught:
                asyncio.run(start())
            assert text in str(caught.value)

    @BOTH
    def test_a_service_that_delegates_is_checked_too(self, application, generated):
        class Mine:
            def __getattr__(self, name):
                return getattr(7, name)

        with pytest.raises(TypeError, match="Mine does not have the method 'greet'"):
            application(Mine())

    def test_the_attribute_error_of_a_property_is_not_hidden(self):
        class Mine(GreeterSync):
            @property
            def talk(self):
                return None.other

        with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'other'"):
            GreeterWSGIApplication(Mine())

    def test_a_service_of_the_other_interface_is_refused(self):
        class Mine(Greeter):
            async def greet(self, request, ctx): ...

        class MineSync(GreeterSync):
            def greet(self, request, ctx): ...

        with pytest.raises(TypeError, match=r"needs a sync handler.* or use the ASGI application"):
            GreeterWSGIApplication(Mine())
        with pytest.raises(TypeError, match=r"sync handlers needs the WSGI application"):
            GreeterASGIApplication(MineSync())


class Endless:
    @property
    def __wrapped__(self):
        return self


class TestSimilarNames:
    def test_a_coroutine_function_that_resembles_an_rpc_is_a_warning(self):
        class Mine(Greeter):
            async def great(self, request, ctx): ...

        with pytest.warns(UserWarning, match="resembles") as caught:
            GreeterASGIApplication(Mine())
        (warning,) = caught
        assert str(warning.message) == (
            "Mine.great is not an RPC of acme.v1.Greeter, but its name resembles 'greet', which "
            "Mine does not implement: rename it to 'greet', or to '_great' if it is not a handler"
        )
        assert warning.filename == __file__

    def test_a_function_that_resembles_an_rpc_is_a_warning_in_a_sync_service(self):
        class Mine(GreeterSync):
            def great(self, request, ctx): ...

        with pytest.warns(UserWarning, match=r"Mine\.great .* 'greet'") as caught:
            GreeterWSGIApplication(Mine())
        assert [warning.filename for warning in caught] == [__file__]

    def test_generators_are_compared_too(self):
        class Mine(Greeter):
            async def repeats(self, request, ctx):
                yield request

            def tolk(self, requests, ctx):
                yield requests

        with pytest.warns(UserWarning, match="resembles") as caught:
            GreeterASGIApplication(Mine())
        texts = [str(warning.message) for warning in caught]
        assert len(texts) == 2
        assert "Mine.repeats is not an RPC" in texts[0]
        assert "'repeat'" in texts[0]
        assert "Mine.tolk is not an RPC" in texts[1]
        assert "'talk'" in texts[1]

    @pytest.mark.parametrize("name", ["Greet", "GREET", "CollectAll", "collectAll", "collect_al"])
    def test_case_and_underscores_do_not_make_names_different(self, name):
        async def handler(self, request, ctx): ...

        service = type("Mine", (Greeter,), {name: handler})()
        with pytest.warns(UserWarning, match=rf"Mine\.{name} is not an RPC"):
            GreeterASGIApplication(service)

    def test_a_service_that_is_yielded_is_compared_too(self):
        class Mine(Greeter):
            async def great(self, request, ctx): ...

        async def service():
            yield Mine()

        async def start():
            async with GreeterASGIApplication(service()).lifespan():
                pass

        with pytest.warns(UserWarning, match=r"Mine\.great"):
            asyncio.run(start())

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("name", ["_great", "create", "treat_all", "close", "call"])
    @BOTH
    def test_a_private_or_different_name_is_not_a_warning(self, application, generated, name):
        async def async_helper(self, request, ctx): ...

        def helper(self, request, ctx): ...

        function = async_helper if generated is Greeter else helper
        application(type("Mine", (generated,), {name: function})())

    @pytest.mark.filterwarnings("error")
    def test_a_helper_of_an_rpc_that_is_implemented_is_not_a_warning(self):
        class Mine(Greeter):
            def __init__(self):
                self.talk = AsyncTalk().talk

            async def greet(self, request, ctx):
                return await self.greet1(request)

            async def greet1(self, request): ...

            async def talk2(self, request): ...

            def repeats(self): ...  # not async, so it cannot be meant as a handler

            repeated = 7
            collect_any = Endless()

        class AsyncTalk:
            async def talk(self, requests, ctx):
                yield requests

        class Derived(Mine):
            async def greet2(self, request): ...

        GreeterASGIApplication(Derived())

    @pytest.mark.filterwarnings("error")
    def test_the_rpcs_of_another_service_are_not_a_warning(self):
        class Other(Protocol):
            async def greets(self, request, ctx): ...

        class Mine(Greeter, Other):
            async def greets(self, request, ctx): ...

        GreeterASGIApplication(Mine())


class TestMocks:
    """A mock of a generated class is a service, whose methods return what the test says."""

    ASYNC = pytest.mark.parametrize(
        "make",
        [
            lambda: create_autospec(Greeter),
            lambda: create_autospec(Greeter, instance=True),
            lambda: Mock(spec=Greeter),
            lambda: MagicMock(spec=Greeter),
            lambda: AsyncMock(spec=Greeter),
            lambda: NonCallableMagicMock(spec=Greeter),
        ],
        ids=["class", "instance", "Mock", "MagicMock", "AsyncMock", "NonCallableMagicMock"],
    )

    @ASYNC
    def test_an_async_mock(self, make, make_host, make_request):
        service, host = make(), make_host("asgi")

        async def responses(*_):
            yield StringValue(value="two")
            yield StringValue(value="three")

        service.greet.return_value = StringValue(value="one")
        service.collect_all.return_value = StringValue(value="all")
        service.repeat.side_effect = responses
        service.talk.return_value = MagicMock()
        service.talk.return_value.__aiter__.return_value = [StringValue(value="four")]
        app = GreeterASGIApplication(service)

        assert self.unary(app, host, make_request) == "one"
        assert self.stream("CollectAll", app, host, make_request) == ["all"]
        assert self.stream("Repeat", app, host, make_request) == ["two", "three"]
        assert self.stream("Talk", app, host, make_request) == ["four"]
        service.greet.assert_awaited_once()
        assert service.greet.await_args.args[0] == StringValue(value="hi")

    @pytest.mark.parametrize(
        "make",
        [
            lambda: create_autospec(GreeterSync),
            lambda: create_autospec(GreeterSync, instance=True),
            lambda: Mock(spec=GreeterSync),
            lambda: MagicMock(spec=GreeterSync),
            lambda: AsyncMock(spec=GreeterSync),
            MagicMock,
        ],
        ids=["class", "instance", "Mock", "MagicMock", "AsyncMock", "without spec"],
    )
    def test_a_sync_mock(self, make, make_host, make_request):
        service, host = make(), make_host("wsgi")
        service.greet.return_value = StringValue(value="one")
        service.collect_all.return_value = StringValue(value="all")
        service.repeat.return_value = iter([StringValue(value="two"), StringValue(value="three")])
        service.talk.return_value = [StringValue(value="four")]
        app = GreeterWSGIApplication(service)

        assert self.unary(app, host, make_request) == "one"
        assert self.stream("CollectAll", app, host, make_request) == ["all"]
        assert self.stream("Repeat", app, host, make_request) == ["two", "three"]
        assert self.stream("Talk", app, host, make_request) == ["four"]

    def test_a_mock_with_an_async_side_effect_is_a_handler(self, make_host, make_request):
        async def greet(request, ctx):
            return request

        service = MagicMock()
        service.greet.side_effect = service.collect_all.side_effect = greet
        app = GreeterASGIApplication(service)
        assert self.unary(app, make_host("asgi"), make_request) == "hi"

    @pytest.mark.parametrize(
        ("application", "make", "text"),
        [
            (GreeterASGIApplication, Mock, "the calls of a Mock cannot be awaited: make the mock"),
            (GreeterASGIApplication, MagicMock, "the calls of a MagicMock cannot be awaited"),
            (GreeterASGIApplication, AsyncMock, "Repeat: .* an AsyncMock returns a coroutine"),
            (GreeterWSGIApplication, AsyncMock, "needs a sync handler, not async"),
            (
                GreeterASGIApplication,
                lambda: create_autospec(GreeterSync),
                "Greet: .* create_autospec, from the generated class",
            ),
            (
                GreeterWSGIApplication,
                lambda: create_autospec(Greeter),
                "needs a sync handler, not async",
            ),
            (GreeterASGIApplication, lambda: Mock(spec=[]), "Mock does not have the method"),
        ],
    )
    def test_a_mock_that_cannot_be_the_service(self, application, make, text):
        with pytest.raises(TypeError, match=text):
            application(make())

    @pytest.mark.filterwarnings("error")
    def test_a_mock_is_not_compared_with_the_rpcs(self):
        class Mine(GreeterSync):
            def great(self, request, ctx): ...

        with warnings.catch_warnings():
            GreeterWSGIApplication(create_autospec(Mine))

    @staticmethod
    def unary(app, host, make_request):
        headers = [("content-type", "application/proto")]
        body = StringValue(value="hi").SerializeToString()
        response = host.call(app, make_request("/acme.v1.Greeter/Greet", "POST", headers, body))
        assert response.status == 200
        return StringValue.FromString(response.body).value

    @staticmethod
    def stream(name, app, host, make_request):
        headers = [("content-type", "application/connect+proto")]
        path, body = f"/acme.v1.Greeter/{name}", host.envelope("hi")
        response = host.call(app, make_request(path, "POST", headers, body))
        *messages, (_, end) = response.envelopes
        assert end == b"{}"
        return [StringValue.FromString(data).value for _, data in messages]
