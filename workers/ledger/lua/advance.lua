-- Note how many units' messages are out. Only the publisher may.   ARGV: id, owner, published
-- Returns the job's state; '' when it is gone, or another publishes it.
local state = redis.call('HGET', job, 'state')
if not state or owner_of('publisher:' .. ARGV[1]) ~= ARGV[2] then return '' end
redis.call('HSET', job, 'published', ARGV[3])
return state
