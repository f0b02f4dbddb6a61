-- An attempt failed and the next one is to come later: count it, keep its error. Only the owner may.
-- ARGV: id, unit or 'finish', owner, seconds until the next attempt, error, seconds this one took
-- Returns 1 when there is one to come.
local id, unit, owner = ARGV[1], ARGV[2], ARGV[3]
local name = unit_lease(id, unit)
if owner_of(name) ~= owner then return 0 end
if not is_open(redis.call('HGET', job, 'state')) then
  free(name)
  return 0
end
note(unit, 'retried', owner, redis.call('HINCRBY', attempts, unit, 1), ARGV[5], ARGV[6])
if unit ~= 'finish' then
  count('units', id, 'retried')
  redis.call('HSET', errors, unit, ARGV[5])
  redis.call('SETRANGE', units, unit, '.')
end
hold(name, DELAYED, seconds() + ARGV[4])
return 1
