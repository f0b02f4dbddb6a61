-- A job ended: give it its last state once, free its output, and let its record expire.
-- ARGV: id, state, summary (JSON), error, seconds to keep, lease that the caller must hold ('' for none), owner
-- Returns 1 when this call closed it.
local id, needed = ARGV[1], ARGV[6]
local state = redis.call('HGET', job, 'state')
if not state or not is_open(state) then return 0 end
if needed ~= '' and owner_of(needed) ~= ARGV[7] then return 0 end
redis.call('HSET', job, 'state', ARGV[2], 'summary', ARGV[3], 'error', ARGV[4], 'ended', seconds())
redis.call('SREM', active, id)
count('ended', id, ARGV[2])
local output = redis.call('HGET', job, 'output')
if output and output ~= '' and owner_of(output) == id then free(output) end
for _, key in ipairs({job, units, attempts, errors, parts, entries}) do redis.call('EXPIRE', key, ARGV[5]) end
return 1
