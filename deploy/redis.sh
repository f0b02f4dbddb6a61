#!/bin/sh
# Start Valkey or Redis for docker-compose.yml with a password that stands in a file alone: neither in the
# list of processes nor in the container's environment. The first start makes one, where there is none.
set -eu
umask 077
file=/run/secrets/redis-password
if ! [ -s "$file" ]; then
  head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1 >"$file.new"
  mv "$file.new" "$file"
fi
# The server is told the password's digest.
digest=$(printf %s "$(tr -d '\r' <"$file")" | sha256sum | cut -d ' ' -f 1)
printf 'user default on #%s ~* &* +@all\n' "$digest" >/tmp/users.acl
server=$(command -v valkey-server || command -v redis-server)
exec "$server" --dir /data --aclfile /tmp/users.acl \
  --appendonly yes --maxmemory "$MAXMEMORY" --maxmemory-policy noeviction
