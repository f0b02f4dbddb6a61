-- A job of rounds that is done with one gets the next: its record is as new, and its output its own again.
-- ARGV: id, lease of its output, request (JSON)   Returns 1 when it is open.
local id, output = ARGV[1], ARGV[2]
if redis.call('HGET', job, 'state') ~= 'done' then return 0 end
local owner = owner_of(output)
if owner and owner ~= id and expiry_of(output) > seconds() then return 0 end
redis.call('HSET', owners, output, id)
redis.call('ZADD', leases, '+inf', output)
redis.call('DEL', units, attempts, errors, parts, entries)
for _, field in ipairs(redis.call('HKEYS', job)) do
  if string.sub(field, 1, 6) == 'count:' then redis.call('HDEL', job, field) end
end
redis.call('HDEL', job, 'started', 'ended', 'summary', 'latest', 'error')
redis.call('HSET', job, 'state', 'queued', 'request', ARGV[3], 'output', output)
redis.call('HSET', job, 'total', -1, 'done', 0, 'dead', 0, 'published', 0)
redis.call('SADD', active, id)
redis.call('PERSIST', job)
return 1
