"""What is specific to asyncio: the end of a wait at the deadline."""

import asyncio
import time
from types import TracebackType

from connectrpc_protocol.deadline import deadline_exceeded


class TimeLimit:
    """Ends what is awaited inside at the deadline, with `deadline_exceeded`.

    Cancellation from elsewhere passes through, as with `asyncio.timeout`.
    """

    __slots__ = ("_deadline", "_timeout")

    def __init__(self, deadline: float | None) -> None:
        self._deadline = deadline
        self._timeout: asyncio.Timeout | None = None

    async def __aenter__(self) -> None:
        if self._deadline is not None:
            self._timeout = asyncio.timeout(max(0.0, self._deadline - time.monotonic()))
            await self._timeout.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._timeout is not None:
            try:
                await self._timeout.__aexit__(exc_type, exc, traceback)
            except TimeoutError as timeout:
                raise deadline_exceeded() from timeout
