"""The checks of services and handlers when an application is built."""

import functools
from contextlib import asynccontextmanager
from unittest.mock import AsyncMock, Mock

import pytest

from connectrpc_server import Handler, HandlerSync


class TestHandlers:
    async def coroutine(self, request, ctx):
        return request

    async def async_generator(self, request, ctx):
        yield request

    def generator(self, request, ctx):
        yield request

    def function(self, request, ctx):
        return request

    def test_a_wrapper_of_a_coroutine_function_is_accepted(self, methods):
        @functools.wraps(self.coroutine)
        def wrapper(request, ctx):
            return self.coroutine(request, ctx)

        Handler.unary(methods["Unary"], wrapper)

    def test_an_object_that_cannot_be_a_service_is_refused(self, host):
        for service in (None, type(host.service), host.service.unary):
            with pytest.raises(TypeError, match="the service must be an object"):
                type(host.application())(service)

    def test_a_wsgi_application_refuses_an_async_handler(self, methods):
        for name in ("unary", "client_stream", "server_stream", "bidi_stream"):
            method = methods[name.partition("_")[0].capitalize()]
            for function in (self.coroutine, self.async_generator):
                with pytest.raises(TypeError, match="sync handler"):
                    getattr(HandlerSync, name)(method, function)

    def test_an_asgi_application_refuses_a_stream_handler_that_is_not_an_async_generator(
        self, methods
    ):
        for name in ("server_stream", "bidi_stream"):
            method = methods[name.partition("_")[0].capitalize()]
            for function in (self.coroutine, self.generator):
                with pytest.raises(TypeError, match="async generator"):
                    getattr(Handler, name)(method, function)

    def test_an_asgi_application_refuses_a_sync_handler(self, methods):
        for name in ("unary", "client_stream"):
            method = methods[name.partition("_")[0].capitalize()]
            for function in (self.async_generator, self.generator, self.function):
                with pytest.raises(TypeError, match="async def"):
                    getattr(Handler, name)(method, function)


def test_a_refused_service_says_what_to_pass(host):
    class Sample: ...

    def function(): ...

    async def coroutine(): ...

    async def async_generator():
        yield host.service

    def generator():
        yield host.service

    started = coroutine()
    for service, text in (
        (Sample, "Sample is a class; pass an instance of it, such as Sample()"),
        (function, "function is a function; pass what it returns: function()"),
        (async_generator, "async_generator is a function; pass what it returns: async_generator()"),
        (asynccontextmanager(async_generator), "pass what it returns: async_generator()"),
        (coroutine, "coroutine is a function; pass what it returns: await coroutine()"),
        (started, "coroutine is a coroutine; await it"),
        (generator(), "generator is a generator; write it as an async generator"),
        (host.service.unary, "unary is a method; pass its object"),
    ):
        with pytest.raises(TypeError) as caught:
            type(host.application())(service)
        assert text in str(caught.value)
    started.close()


class Wrong:
    async def no_context(self, request): ...

    async def no_context_stream(self, request):
        yield request

    async def no_self(request, ctx): ...  # noqa: N805

    async def one_more(self, request, ctx, database): ...

    def no_context_sync(self, request): ...


KINDS = ["unary", "client_stream", "server_stream", "bidi_stream"]


@pytest.mark.parametrize("name", KINDS)
def test_a_handler_without_ctx_is_refused(methods, name):
    method = methods[name.partition("_")[0].capitalize()]
    request = "request" if method.kind.one_request else "requests"
    function = Wrong().no_context if method.kind.one_response else Wrong().no_context_stream
    text = rf"the handler must have the parameters \(self, {request}, ctx\), not \(self, request\)"
    with pytest.raises(TypeError, match=f"{method.full_name}: {text}"):
        getattr(Handler, name)(method, function)
    with pytest.raises(TypeError, match=f"{method.full_name}: {text}"):
        getattr(HandlerSync, name)(method, Wrong().no_context_sync)


def test_a_handler_with_other_parameters_is_refused(methods):
    for function, given in (
        (Wrong().no_self, "(request, ctx)"),
        (Wrong().one_more, "(self, request, ctx, database)"),
    ):
        with pytest.raises(TypeError) as caught:
            Handler.unary(methods["Unary"], function)
        text = f"must have the parameters (self, request, ctx), not {given}"
        assert str(caught.value).endswith(text)


def test_the_wrapper_of_a_handler_decides_about_its_parameters(methods):
    @functools.wraps(Wrong.one_more)
    async def wrapper(*arguments):
        return await Wrong.one_more(*arguments, "database")

    Handler.unary(methods["Unary"], wrapper)
    Handler.unary(methods["Unary"], functools.partial(Wrong().one_more, database="database"))
    Handler.unary(methods["Unary"], AsyncMock())
    HandlerSync.unary(methods["Unary"], Mock())


def callable_object(function):
    return type("CallableObject", (), {"__call__": function})()


async def coroutine(self, request, ctx):
    return request


async def async_generator(self, request, ctx):
    yield request


def generator(self, request, ctx):
    yield request


def function(self, request, ctx):
    return request


WRAPPERS = [callable_object, lambda function: functools.partial(function, None)]
each_wrapper = pytest.mark.parametrize("wrap", WRAPPERS, ids=["object", "partial"])


@each_wrapper
def test_the_function_of_an_object_or_a_partial_decides_about_its_kind(methods, wrap):
    Handler.unary(methods["Unary"], wrap(coroutine))
    Handler.server_stream(methods["Server"], wrap(async_generator))
    HandlerSync.unary(methods["Unary"], wrap(function))
    HandlerSync.server_stream(methods["Server"], wrap(generator))
    for wrong in (async_generator, generator):
        with pytest.raises(TypeError, match="must be an 'async def' without 'yield'"):
            Handler.unary(methods["Unary"], wrap(wrong))
    for wrong in (coroutine, generator):
        with pytest.raises(TypeError, match="must be an async generator"):
            Handler.server_stream(methods["Server"], wrap(wrong))
    for wrong in (coroutine, async_generator):
        with pytest.raises(TypeError, match="needs a sync handler"):
            HandlerSync.unary(methods["Unary"], wrap(wrong))


def test_an_object_with_a_plain_call_may_return_a_coroutine(methods):
    Handler.unary(methods["Unary"], callable_object(function))
    with pytest.raises(TypeError, match="must be an 'async def'"):
        Handler.unary(methods["Unary"], functools.partial(function, None))


@pytest.mark.parametrize("name", ["unary", "client_stream"])
def test_a_wsgi_handler_of_one_response_must_not_yield(methods, name):
    method = methods[name.partition("_")[0].capitalize()]
    for wrong in (generator.__get__(object()), callable_object(generator)):
        with pytest.raises(TypeError, match="must return the response: write it without 'yield'"):
            getattr(HandlerSync, name)(method, wrong)


@pytest.mark.parametrize("name", ["unary", "client_stream", "server_stream", "bidi_stream"])
@pytest.mark.parametrize("value", [None, 5, "greet"])
def test_a_handler_that_cannot_be_called_is_refused(methods, name, value):
    method = methods[name.partition("_")[0].capitalize()]
    for handler in (Handler, HandlerSync):
        with pytest.raises(TypeError, match="the handler is not callable"):
            getattr(handler, name)(method, value)


def test_a_handler_without_self_is_refused(methods):
    class Service:
        async def unary(): ...

        async def client(**options): ...

    with pytest.raises(TypeError, match=r"the parameters \(self, request, ctx\), not \(\)"):
        Handler.unary(methods["Unary"], Service().unary)
    with pytest.raises(TypeError, match=r"\(self, requests, ctx\), not \(\*\*options\)"):
        Handler.client_stream(methods["Client"], Service().client)
