"""Every number that bounds or tunes the server, with its reason.

Sizes are in bytes, times in seconds. The limits that a user sets are the options of an application.
"""

DRAIN_MAX_BYTES = 8 * 1024 * 1024
"""How much of an unread request body is drained: twice the default limit of a message.

A client that was refused for a message somewhat above that limit still gets its response.
"""

DRAIN_MAX_SECONDS = 3.0
"""How long a request body is drained. A client may send nothing more and never end its request."""

UNARY_DRAIN_PAUSE = 1.0
"""How long a drain waits for the next piece of a unary request.

The client sends all of it without waiting for the server, so a longer pause is unusual.
"""

STREAM_DRAIN_PAUSE = 0.2
"""How long a drain waits for the next piece of a stream.

A client may leave its stream open until it sees the end of the response, so waiting delays that
end. What the client has sent already arrives at once.
"""

FATAL_DRAIN_PAUSE = 1.0
"""The shortest pause of a drain on a server that ends the whole connection for a late piece.

All calls of that connection would fail, so even a busy machine must be given time.
"""

READ_AHEAD_BYTES = 64 * 1024
READ_AHEAD_EVENTS = 16
"""How much of a request is received before the handler asks for it.

A disconnect is received only after the request, so the request must be received to notice it. But
it must not fill the memory, so a client that sends more has to wait. A client may send many empty
events, so their number is limited, too.
"""

REPEATED_END_INTERVAL = 0.2
"""How often a server that repeats the end of the request is asked for a disconnect.

Asking in a loop would keep a core busy; a fifth of a second is soon enough to stop a handler.
"""

DEADLINE_ROUNDING = 0.002
"""How much later than its deadline a call is cancelled.

A client sends its remaining time in whole milliseconds, rounded down, so its own deadline is up to
one millisecond later. The second millisecond is for coarse timers. A response that arrived while
the client gives up might be read in part.
"""

WRITE_GRACE_PERIOD = 5.0
"""How long after its deadline a call may take to write its end.

A client that has stopped reading would otherwise keep the call, and its memory, without a limit.
"""

CHECKPOINT_BYTES = 64 * 1024
MESSAGE_OVERHEAD_BYTES = 1024
"""After how many bytes of messages other tasks run.

A message costs time for its bytes, and about as much as 1 KiB for encoding and sending it. So other
tasks run after 64 small messages at the latest.
"""

READ_CHUNK_BYTES = 64 * 1024
"""The largest piece that is read of a body over WSGI: a pipe or socket buffer seldom has more."""

FIRST_TIMED_READ_BYTES = 1
"""The first piece that is read of a body over WSGI when there is a deadline.

A read blocks until all of its bytes have arrived. Each piece is twice the size of the one before,
so the next read takes about as long as all reads before it, and a slow client is noticed.
"""
