-- Forget an ended job; what it made stays.   ARGV: id
-- Returns 'deleted', 'gone', 'busy' while its end is a worker's, or the state of an open job.
local id = ARGV[1]
local state = redis.call('HGET', job, 'state')
if state and is_open(state) then return state end
if state and owner_of(unit_lease(id, 'finish')) then return 'busy' end
redis.call('DEL', job, units, attempts, errors, parts, entries)
redis.call('ZREM', jobs, id)
redis.call('SREM', active, id)
return state and 'deleted' or 'gone'
