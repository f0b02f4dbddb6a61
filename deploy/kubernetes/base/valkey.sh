#!/bin/sh
# Start Valkey with a password that stands in a file alone: neither in the list of processes nor in the environment.
set -eu
umask 077
digest=$(printf %s "$(cat /run/secrets/capq/password)" | sha256sum | cut -d ' ' -f 1)
printf 'user default on #%s ~* &* +@all\n' "$digest" >/tmp/users.acl
exec valkey-server --dir /data --aclfile /tmp/users.acl \
  --appendonly yes --maxmemory "$MAXMEMORY" --maxmemory-policy noeviction
