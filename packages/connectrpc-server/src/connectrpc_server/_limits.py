"""Every number that bounds or tunes the server, with its reason.

Sizes are in bytes, times in seconds. The limits that a user sets are the options of an application.
"""

DRAIN_MAX_BYTES = 8 * 1024 * 1024
"""How much of an unread request body is drained: twice the default limit of a message.

So a client whose message is refused, because it is up to twice as large, gets the response.
"""

DRAIN_MAX_SECONDS = 3.0
"""How long a request body is drained: a client may stop sending and never end its request."""

UNARY_DRAIN_PAUSE = 1.0
"""How long a drain waits for the next piece of a unary request.

The client sends all of it without waiting for the server, so a longer pause is unusual.
"""

STREAM_DRAIN_PAUSE = 0.2
"""How long a drain waits for the next piece of a stream.

A client may leave its stream open until it sees the end of the response, so waiting delays that
end. The pieces that the client has already sent arrive at once.
"""

LATE_DRAIN_SECONDS = 0.02
"""How long a request body is drained after the deadline of its call.

The client waits for the response, and not longer than to the deadline. So the drain takes the
pieces that have arrived, and does not wait for more.
"""

FATAL_DRAIN_PAUSE = 1.0
"""The shortest pause of a drain on a server that ends the whole connection for a late piece.

All calls of that connection would fail, so even a busy machine must be given time.
"""

READ_AHEAD_BYTES = 64 * 1024
READ_AHEAD_EVENTS = 16
"""How much of a request is received before the handler asks for it.

A server reports a disconnect after the events of the request. So these must be received to notice
the disconnect. But they must not fill the memory, so a client that sends more has to wait. A client
may send many empty events, so their number is limited, too.
"""

REPEATED_END_INTERVAL = 0.2
"""The pause before a server that repeats the end of the request is asked for the next event.

Asking in a loop would keep a core busy; a fifth of a second is soon enough to stop a handler.
"""

DEADLINE_ROUNDING = 0.002
"""How much later than its deadline a call is cancelled.

A client may round its remaining time down to whole milliseconds, so its own deadline is up to one
millisecond later. The second millisecond is for coarse timers. A response that arrives while the
client gives up might be read in part.
"""

WRITE_GRACE_PERIOD = 5.0
"""How long after its deadline a call may take to write its end.

A client that has stopped reading would otherwise keep the call, and its memory, without a limit.
"""

DISCONNECTED_GRACE_PERIOD = 1.0
"""How long a call may take to write its end after the client has disconnected.

Some middleware requires a response even then, and takes it at once. But on some servers a `send`
never returns if the client is gone.
"""

CANCELLED_GRACE_PERIOD = 0.2
"""How long a call may take to write its end after the server has cancelled it.

The server is stopping and waits for the call. Some servers do not send anything any more.
"""

CHECKPOINT_BYTES = 64 * 1024
MESSAGE_OVERHEAD_BYTES = 1024
"""A stream of responses lets other tasks run after this many bytes.

To encode and send a message costs about as much time as 1 KiB of its bytes, so 1 KiB is added to
its size. So other tasks run after 64 small messages at the latest.
"""

READ_CHUNK_BYTES = 64 * 1024
"""The largest piece of a body that is read at once over WSGI; buffers seldom hold more."""

FIRST_TIMED_READ_BYTES = 1
"""The first piece of a body that is read over WSGI if the call has a deadline.

A read blocks until all of its bytes have arrived. Each piece is twice the size of the one before,
so the next read takes about as long as all reads before it, and a slow client is noticed.
"""

NAME_SIMILARITY = 0.75
"""How similar the names of a helper and of an RPC without a handler must be for a warning.

`difflib` measures it, from 0 to 1. One wrong letter in a name of four letters gives 0.75. Names
that differ on purpose mostly give less: `create_user` and `update_user` give 0.7.
"""
