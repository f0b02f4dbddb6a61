-- A job ended: give it its last state once, and let its record expire.
-- KEYS: job, units, attempts, errors, parts, active
-- ARGV: job id, state, summary (JSON), error, now, seconds to keep, state it must be in ('' for any open one)
-- Returns 1 when this call closed it.
local job = KEYS[1]
local state = redis.call('HGET', job, 'state')
if not state or state == 'done' or state == 'failed' or state == 'cancelled' then return 0 end
if ARGV[7] ~= '' and state ~= ARGV[7] then return 0 end
redis.call('HSET', job, 'state', ARGV[2], 'summary', ARGV[3], 'error', ARGV[4], 'ended', ARGV[5])
redis.call('SREM', KEYS[6], ARGV[1])
for i = 1, 5 do redis.call('EXPIRE', KEYS[i], ARGV[6]) end
return 1
