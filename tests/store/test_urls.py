"""URLs of deployments: what each means to redis-py, and which ones are refused, without a word of their secrets."""

from pathlib import Path

import pytest

from gateway.store.urls import Kind, RedisUrl

SECRET = "hunter2"


@pytest.mark.parametrize(
    "text", ["redis://h", "redis://u:p@h:1/2", "rediss://h?ssl_cert_reqs=none", "unix:///s", "unix://u:p@/s?db=1"]
)
def test_one_server_is_left_to_redis_py(text: str) -> None:
    """Its URL is taken as it is."""
    url = RedisUrl.parse(text)
    assert (url.kind, url.single()) == (Kind.SINGLE, text)


def test_sentinels_and_their_master() -> None:
    """Hosts have the port of Sentinels; the user is that of Redis, the options name that of the Sentinels."""
    url = RedisUrl.parse(f"redis+sentinel://u:{SECRET}@a,[::1]:7/hub?db=3&sentinel_username=s&sentinel_password=%40x")
    assert (url.kind, url.hosts, url.master) == (Kind.SENTINEL, (("a", 26379), ("::1", 7)), "hub")
    assert url.node(("10.0.0.1", 6379)) == f"redis://u:{SECRET}@10.0.0.1:6379/?db=3"
    assert url.sentinel(("::1", 7)) == "redis://s:%40x@[::1]:7/?"
    assert SECRET not in repr(url)


def test_a_cluster_with_tls(tmp_path: Path) -> None:
    """All nodes are spoken to alike, with what the options say of TLS."""
    authority = tmp_path / "ca.pem"
    authority.touch()
    url = RedisUrl.parse(f"rediss+cluster://:p@a:1,b/0?ssl_ca_certs={authority}&ssl_check_hostname=false")
    assert (url.kind, url.hosts) == (Kind.CLUSTER, (("a", 1), ("b", 6379)))
    assert url.node(("b", 6379)).startswith("rediss://:p@b:6379/?ssl_ca_certs=%2F")


@pytest.mark.parametrize(
    "text",
    [
        f"redys://:{SECRET}@h",
        f"redis://:{SECRET}@",
        f"redis://h:{SECRET}",
        f"redis://:{SECRET}@a,b",
        f"redis://h/{SECRET}",
        f"redis://h?{SECRET}=1",
        f"redis://h?{SECRET}",
        f"redis://h?ssl_ca_certs={SECRET}",
        f"redis://h#{SECRET}",
        f"rediss://h?ssl_ca_certs=/none/{SECRET}",
        f"rediss://h?ssl_cert_reqs={SECRET}",
        f"redis://h?db={SECRET}",
        "redis://[::1",
        "unix://",
        f"unix://{SECRET}/x",
        f"redis+sentinel://:{SECRET}@h",
        f"redis+sentinel://:{SECRET}@h/",
        f"redis+sentinel://h/a/{SECRET}",
        f"redis+cluster://:{SECRET}@h/1",
        f"redis+cluster://:{SECRET}@h?db=1",
        f"redis+cluster://:{SECRET}@h,,i",
        f"redis+cluster://:{SECRET}@h:",
        "redis+cluster://" + ",".join(f"h{i}" for i in range(65)),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(text: str) -> None:
    """The reason repeats nothing of the URL."""
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        RedisUrl.parse(text)
    assert SECRET not in str(caught.value)
