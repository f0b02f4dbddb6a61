-- The lease of a unit, or of a job's finish, has expired: what it was for is owed again, or set aside.
-- Only the loss of a worker counts as an attempt.
-- ARGV: id, unit or 'finish', most attempts   Returns {what to send, unit that died}, '' for none.
local id, unit, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local name = unit_lease(id, unit)
local owner = owner_of(name)
if not owner or expiry_of(name) > seconds() then return {'', ''} end
local state = redis.call('HGET', job, 'state')
local lost = owner ~= OWED and owner ~= DELAYED

-- Count an attempt that ended with its worker; returns how many have failed.
local function count_lost()
  local failed = redis.call('HINCRBY', attempts, unit, 1)
  expire_with_job(attempts)
  count('expired', id)
  note(unit, 'lost', owner, failed, '', '')
  return failed
end

if unit == 'finish' then
  local failed = lost and state and count_lost() or 0
  if failed >= most and state == 'finishing' then return {'', unit} end
  if failed >= most or (state ~= 'finishing' and state ~= 'done') then
    free(name)
    return {'', ''}
  end
  return {owe(id, unit), ''}
end

local mark = redis.call('GETRANGE', units, unit, unit)
if (state ~= 'queued' and state ~= 'running') or mark == 'd' or mark == 'x' then
  free(name)
  return {'', ''}
end
if lost and count_lost() >= most then
  free(name)
  redis.call('HSETNX', errors, unit, 'its worker was lost ' .. most .. ' times (killed, or out of memory)')
  return {bury(id, unit, state), unit}
end
redis.call('SETRANGE', units, unit, '.')
return {owe(id, unit), ''}
