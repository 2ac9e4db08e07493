"""hubbub's gateway: accepts IRC clients and keeps rooms that any number of gateways share through Redis.

The way of a line, from a socket to everybody in the room::

    net ─▶ commands ─▶ rooms ─▶ store ─▶ Redis: one script checks, appends and announces
     ▲   (session: one peer)                │
     └──── rooms/room ◀── rooms/follower ◀── store ◀──┘   on every gateway, the sender's own too

`wire` is the format both ends share; it imports the standard library only, and it is all the client may import.
"""

__version__ = "0.1.0"
