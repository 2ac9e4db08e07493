"""Addresses as they stand in a source. Standard library only."""

from ipaddress import ip_address

__all__ = ["shown_host"]


def shown_host(text: str) -> str:
    """An address as a host: one word that begins with no colon (RFC 2812 section 2.3.1 takes it for a source); for
    what is none `localhost`."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return "localhost"
    if address.version == 6 and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    shown = address.compressed
    return f"0{shown}" if shown.startswith(":") else shown
