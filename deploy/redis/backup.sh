#!/bin/sh
# Writes a tar of Redis' log to standard output while Redis goes on: `docker compose exec -T redis /etc/hubbub/backup.sh`.
#
# Hard links hold the files even when a rewrite replaces them; a rewrite that ended between two links is seen because
# the manifest then names a file that is not there, and the links are made again.
set -eu
umask 077
cd /data
trap 'rm -rf backup' EXIT

complete() {
    [ -s appendonlydir/appendonly.aof.manifest ] || return 1
    while read -r _ name _; do [ -e "appendonlydir/$name" ] || return 1; done <appendonlydir/appendonly.aof.manifest
}

for _ in 1 2 3 4 5; do
    rm -rf backup
    mkdir backup
    if cp -al appendonlydir backup/ && (cd backup && complete); then
        # Exit code 1 is "a file grew while it was read": the copy ends where the log ended a moment ago.
        tar --warning=no-file-changed -C backup -c appendonlydir || [ $? -eq 1 ]
        exit
    fi
done
echo "backup: the log was rewritten five times in a row; try again" >&2
exit 1
