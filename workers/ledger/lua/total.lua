-- All units of a job are known now: fix their number, and notice when all of them have ended already.
-- A recorder that comes later sees the number and notices the last unit itself, so one of the two does.
-- KEYS: job   ARGV: total
-- Returns 1 when every unit has ended, and the caller owes the job its finish.
local job, total = KEYS[1], tonumber(ARGV[1])
local state = redis.call('HGET', job, 'state')
if not state then return 0 end
redis.call('HSET', job, 'total', total)
if state ~= 'queued' and state ~= 'running' then return 0 end
if redis.call('HGET', job, 'done') + redis.call('HGET', job, 'dead') < total then return 0 end
redis.call('HSET', job, 'state', 'finishing', 'owes_finish', 1)
return 1
