"""Services and handlers that an application refuses."""

import functools

import pytest

from connectrpc_server import Handler, HandlerSync


class TestWrongHandlers:
    async def coroutine(self, request, ctx):
        return request

    async def async_generator(self, request, ctx):
        yield request

    def generator(self, request, ctx):
        yield request

    def function(self, request, ctx):
        return request

    def test_wrapped_coroutine_function(self, methods):
        @functools.wraps(self.coroutine)
        def wrapper(request, ctx):
            return self.coroutine(request, ctx)

        Handler.unary(methods["Unary"], wrapper)

    def test_objects_that_cannot_be_a_service(self, shell):
        for service in (None, type(shell.service), shell.service.unary):
            with pytest.raises(TypeError, match="the service must be an object"):
                type(shell.application())(service)

    def test_async_handler_in_a_wsgi_application(self, methods):
        for name in ("unary", "client_stream", "server_stream", "bidi_stream"):
            method = methods[name.partition("_")[0].capitalize()]
            for function in (self.coroutine, self.async_generator):
                with pytest.raises(TypeError, match="sync handler"):
                    getattr(HandlerSync, name)(method, function)

    def test_stream_handler_that_is_not_an_async_generator(self, methods):
        for name in ("server_stream", "bidi_stream"):
            method = methods[name.partition("_")[0].capitalize()]
            for function in (self.coroutine, self.generator):
                with pytest.raises(TypeError, match="async generator"):
                    getattr(Handler, name)(method, function)

    def test_sync_handler_in_an_asgi_application(self, methods):
        for name in ("unary", "client_stream"):
            method = methods[name.partition("_")[0].capitalize()]
            for function in (self.async_generator, self.generator, self.function):
                with pytest.raises(TypeError, match="async def"):
                    getattr(Handler, name)(method, function)
