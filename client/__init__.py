"""hubbub's terminal client. Imports `gateway.wire` and nothing else of the gateway."""
