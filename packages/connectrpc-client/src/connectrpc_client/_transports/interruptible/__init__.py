"""Sync calls whose waits end in time: at the deadline, by a cancellation, by Ctrl-C.

A blocking call of an HTTP library cannot be interrupted from another thread before the response
head arrives. So a call waits in one of three ways (`transport.py` chooses):

- directly, if nothing has to end its wait, or if the library does that itself: this is fastest;
- otherwise in a worker thread, which waits directly, while the caller waits for the worker
  (`worker_thread.py`). The worker goes on after the caller has given up;
- on a background event loop, if there are a cancellation and an async transport
  (`event_loop.py`). Nothing goes on after the end of the call, and the server sees that end.

In the last two ways the response reaches the caller through a pipe (`response_pipe.py`), whose
reader can be interrupted.
"""
