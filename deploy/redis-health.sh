#!/bin/sh
# Whether the server that deploy/redis.sh has started answers: not while it still loads its data.
set -eu
client=$(command -v valkey-cli || command -v redis-cli)
REDISCLI_AUTH=$(cat /run/secrets/redis-password)
export REDISCLI_AUTH
[ "$("$client" ping)" = PONG ]
