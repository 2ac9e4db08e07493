"""hubbub's terminal client. Imports `gateway.wire` and nothing else of the gateway.

The way of a typed line to the screen, through the one place where order is made: the room on the server::

    ui ─▶ console ─▶ chat ─▶ ownlines ─▶ session ─▶ link ─▶ server
    ▲     (actions)   │  (outbox, delivery)                   │
    └── face ◀── transcripts ◀── chat ◀── session ◀── link ◀──┘
       (render)  (timeline)     (events)  (inbound)

Only `link`, `app`, `ui` and `cli` know sockets, clocks or terminals; the rest is told what it needs.
"""
