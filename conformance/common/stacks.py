"""The stacks of asyncio tasks, of coroutines and of threads, as text.

`Task.get_stack` returns only the outermost frame of a task that waits. The functions here follow
what each frame awaits, down to the future, through async generators and other tasks.
"""

import asyncio
import gc
import sys
import traceback
from collections.abc import Iterable, Iterator
from types import AsyncGeneratorType, CoroutineType, FrameType, GeneratorType

_MAX_DEPTH = 100
"""No call here is so deep; the limit ends the search if objects refer to each other in a circle."""

_FOLLOWED = (CoroutineType, GeneratorType, AsyncGeneratorType, asyncio.Task)


def pending_tasks() -> "list[asyncio.Task[object]]":
    """Return the tasks of all event loops that are not done, from any thread.

    The garbage collector knows them all. `asyncio.all_tasks` needs the loop, which an HTTP server
    does not reveal.
    """
    tasks = [each for each in gc.get_objects() if issubclass(type(each), asyncio.Task)]
    return [task for task in tasks if not task.done()]


def stack_of_coroutine(coroutine: object) -> str:
    """Return the frames from a coroutine or task inwards, each with its line of code."""
    frames = [frame for frame in _frames(coroutine) if frame is not None]
    return _text(frames)


def stack_of_thread(thread: int) -> str:
    """Return the frames of a thread that runs Python code; empty if it has ended."""
    frame = sys._current_frames().get(thread)
    return _text([each for each, _ in traceback.walk_stack(frame)][::-1]) if frame else ""


def _text(frames: list[FrameType]) -> str:
    pairs = ((frame, frame.f_lineno) for frame in frames)
    return "".join(traceback.StackSummary.extract(pairs).format())


def _frames(awaited: object) -> Iterator[FrameType | None]:
    for _ in range(_MAX_DEPTH):
        match awaited:
            case None:
                return
            case CoroutineType():
                yield awaited.cr_frame
                awaited = awaited.cr_await
            case GeneratorType():
                frame = awaited.gi_frame
                yield frame
                awaited = awaited.gi_yieldfrom or _resumed_by(frame)
            case AsyncGeneratorType():
                yield awaited.ag_frame
                awaited = awaited.ag_await
            case asyncio.Task():
                awaited = awaited.get_coro()
            case _:
                # An iterator of the interpreter, such as that of `anext()` or of a future: it does
                # not have an attribute for what it waits for, but refers to it.
                awaited = _first_followed(gc.get_referents(awaited))


def _resumed_by(frame: FrameType | None) -> object:
    """Return the coroutine that a generator resumes step by step, as our server does."""
    return _first_followed(frame.f_locals.values()) if frame else None


def _first_followed(objects: Iterable[object]) -> object:
    return next((each for each in objects if isinstance(each, _FOLLOWED)), None)
