"""The room engine: what a room means. Knows neither Redis nor sockets; `ports` says what it needs of both."""
