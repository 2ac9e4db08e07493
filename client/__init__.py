"""hubbub's terminal client. Imports `gateway.wire` and nothing else of the gateway.

The way of a typed line to the screen, through the one place where order is made: the room on the server::

    ui ─▶ console ─▶ chat ─▶ ownlines ─▶ session ─▶ link ─▶ server
    ▲   (commands)    │  (outbox, delivery)                   │
    └── face ◀── transcripts ◀── chat ◀── session ◀── link ◀──┘
       (render)  (timeline)     (events)  (inbound)

The full screen has a thread of its own, and one lock (`turns`) stands around the conversation. Its ways, all pure but
the last two::

    view ─▶ reading ─▶ viewport ─▶ rows, folding, cells     which rows of the transcript, and what of it is unread
      │──▶ panels, state ─▶ layout                          what stands around them
    fullscreen (keys, input_line, windows, redraw, attention) ─▶ screen

`presence` is who we are to servers and what proves it to the next one, `sasl` how an account is proved, `membership`
which rooms we are in, `requests` what a server is asked at once or not at all, `hearing` what follows from what it
says, `refusals` what of it the input has to say, `readmarks` how far we have read, `ignores` whom we do not hear,
`report` what /status tells, `search` what /search finds, `cache` what earlier runs have seen, `private_files` how the
other files are written, `disk` what the disk refuses, `stall` when a line of ours waits too long, `exits` and `outcome`
what the caller of the command is told, `wording` how numbers are said. Only `link`, `app`, `ui` and `cli` know sockets,
clocks or terminals; the rest is told what it needs.
"""
