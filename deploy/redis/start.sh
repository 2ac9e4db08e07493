#!/bin/sh
# Puts the gateways' password into the ACL and becomes the Redis server.
#
# REDIS_GATEWAY_PASSWORD      the password of the user `gateway`
# REDIS_GATEWAY_PASSWORD_OLD  accepted as well while it is being changed; may be empty
#
# The image's own entrypoint is left out on purpose: it loads the search, JSON and other modules; nothing here uses them.
set -eu
umask 077

# Redis takes the SHA-256 of a password for the password: any character is safe here, and none is on disk.
rule() { printf '#%s' "$(printf %s "$1" | sha256sum | cut -d ' ' -f 1)"; }

passwords=$(rule "${REDIS_GATEWAY_PASSWORD:?}")
if [ -n "${REDIS_GATEWAY_PASSWORD_OLD:-}" ]; then
    passwords="$passwords $(rule "$REDIS_GATEWAY_PASSWORD_OLD")"
fi
unset REDIS_GATEWAY_PASSWORD REDIS_GATEWAY_PASSWORD_OLD

here=$(dirname "$0")
sed -e '/^#/d' -e '/^$/d' -e "s/@PASSWORDS@/$passwords/" "$here/users.acl" >/tmp/users.acl
exec redis-server "$here/redis.conf"
