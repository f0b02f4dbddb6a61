-- A worker stops work on a unit that has not ended, since its job was cancelled. Only the owner may.
-- The job may have been opened again since, and a copy of the message dropped: then one is owed.
-- ARGV: id, unit, owner   Returns what to send, or ''.
local id, unit, owner = ARGV[1], ARGV[2], ARGV[3]
local name = unit_lease(id, unit)
if owner_of(name) ~= owner then return '' end
free(name)
local state = redis.call('HGET', job, 'state')
if not state then return '' end
redis.call('SETRANGE', units, unit, '.')
if state == 'queued' or state == 'running' then return owe(id, unit) end
return ''
