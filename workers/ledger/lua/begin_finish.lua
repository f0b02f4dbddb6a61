-- A finish message has arrived: lease the job's end to its worker, or say why there is nothing to do.
-- A job that is done may still have to be tidied.   ARGV: id, owner, lease in seconds
-- Returns {verdict, attempt}
local id, owner = ARGV[1], ARGV[2]
local state = redis.call('HGET', job, 'state')
if not state then return {'gone', 0} end
if state ~= 'finishing' and state ~= 'done' then return {'ended', 0} end
local name = unit_lease(id, 'finish')
local present = owner_of(name)
if present and present ~= OWED and present ~= owner then return {'leased', 0} end
hold(name, owner, seconds() + ARGV[3])
return {'run', (tonumber(redis.call('HGET', attempts, 'finish')) or 0) + 1}
