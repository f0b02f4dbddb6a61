-- Record a new job, which becomes the owner of its output until it ends.
-- ARGV: id, lease of its output ('' for none), its creator's token, now, name and value of each field …
-- Returns {1, ''}; {0, ''} when there is such a job already; {0, owner} when the output is another's.
local id, output, creator = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', job) == 1 then
  -- The creator itself asks again where the answer to its first question was lost.
  return {redis.call('HGET', job, 'creator') == creator and 1 or 0, ''}
end
if output ~= '' then
  local owner = owner_of(output)
  if owner and owner ~= creator and expiry_of(output) > seconds() then return {0, owner} end
  redis.call('HSET', owners, output, id)
  redis.call('ZADD', leases, '+inf', output)
end
redis.call('HSET', job, 'creator', creator, 'output', output, unpack(ARGV, 5))
redis.call('ZADD', jobs, ARGV[4], id)
redis.call('SADD', active, id)
count('created', id)
return {1, ''}
