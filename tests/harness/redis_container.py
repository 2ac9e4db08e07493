"""A Redis of the version we run in production, in a container of its own."""

from collections.abc import Iterator
from contextlib import contextmanager

from testcontainers.community.redis import RedisContainer

__all__ = ["redis_container"]


@contextmanager
def redis_container(image: str = "redis:8") -> Iterator[str]:
    """Run a fresh `image` and yield its URL; the data goes with it.

    Raises:
        docker.errors.DockerException: there is no engine, or no such image.
    """
    with RedisContainer(image) as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
