"""Faces of the client: what a person, or a pipe, sees and types. The only place that knows prompt_toolkit."""
