"""Sizes of the wire, in bytes of UTF-8 unless said. Standard library only."""

MAX_LINE_BYTES = 512  # RFC 1459 section 2.3: CR LF included, tags not
MAX_BODY_BYTES = MAX_LINE_BYTES - 2  # what is left without CR LF
MAX_CLIENT_TAGS_BYTES = 4096  # IRCv3 message-tags, from a client: "@" and the space included
MAX_TAGS_BYTES = 8191  # IRCv3 message-tags, in all: "@" and the space included
MAX_LABEL_BYTES = 64  # IRCv3 labeled-response

NICKLEN = 30
USERLEN = 18
HOSTLEN = 63
NAMELEN = 128
CHANNELLEN = 64
TOPICLEN = 390
KICKLEN = 255
AWAYLEN = 200
