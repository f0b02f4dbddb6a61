-- A unit's process is known to have died: its lease expires now. One that died before it had the lease has
-- taken the message with it, which is owed then, and was no attempt.
-- ARGV: id, unit or 'finish', first part of the owner   Returns 1 when there is something to sweep.
local id, unit = ARGV[1], ARGV[2]
local name = unit_lease(id, unit)
local owner = owner_of(name)

-- Tell whether nobody has ended a unit, or put the results together.
local function is_due()
  local state = redis.call('HGET', job, 'state')
  if unit == 'finish' then return state == 'finishing' end
  local mark = redis.call('GETRANGE', units, unit, unit)
  return (state == 'queued' or state == 'running') and mark ~= 'd' and mark ~= 'x'
end

if owner then
  if string.sub(owner, 1, #ARGV[3]) ~= ARGV[3] then return 0 end
  hold(name, owner, seconds())
  return 1
end
if not is_due() then return 0 end
hold(name, OWED, seconds())
return 1
