"""How much of a request that nobody wants is read so that its client gets the answer.

Each shell says in its `Body.drain` when that is needed. Both bounds hold: a client may send for
ever, or nothing and never end.
"""

DRAIN_MAX_BYTES = 8 * 1024 * 1024
DRAIN_MAX_MS = 3_000
