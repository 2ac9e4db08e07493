"""`python -m client` is `chat-client`."""

from client.cli import main

main()
