-- All units of a job are known now: fix their number, and owe the finish if all of them have ended already.
-- A recorder that comes later sees the number and owes it itself, so one of the two does.
-- Only the publisher may.   ARGV: id, owner, total   Returns what to send, or ''.
local id, owner, total = ARGV[1], ARGV[2], tonumber(ARGV[3])
local state = redis.call('HGET', job, 'state')
if not state or owner_of('publisher:' .. id) ~= owner then return '' end
redis.call('HSET', job, 'total', total)
if state ~= 'queued' and state ~= 'running' then return '' end
if redis.call('HGET', job, 'done') + redis.call('HGET', job, 'dead') < total then return '' end
redis.call('HSET', job, 'state', 'finishing')
return owe(id, 'finish')
