"""The checks of services and handlers when an application is built."""

import functools

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
