-- A unit has ended: mark it, add its counts, owe what follows. Only the owner of its lease may.
-- ARGV: id, unit, owner, mark ('d' or 'x'), error, counts (JSON), latest (JSON), part, total ('' keeps it),
-- seconds a dead unit's last attempt took
-- Returns {recorded, what to send: a unit, 'finish' or ''}
local id, unit, owner, mark, total = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4], ARGV[9]
local state = redis.call('HGET', job, 'state')
local lease = unit_lease(id, unit)
if not state or owner_of(lease) ~= owner then return {0, ''} end
free(lease)
local old = redis.call('GETRANGE', units, unit, unit)
if old == 'd' or old == 'x' then return {0, ''} end

for name, value in pairs(cjson.decode(ARGV[6])) do
  redis.call('HINCRBY', job, 'count:' .. name, value)
  count('count', id, name, value)
end
if ARGV[7] ~= '' then redis.call('HSET', job, 'latest', ARGV[7]) end
if ARGV[8] ~= '' then
  redis.call('HSET', parts, unit, ARGV[8])
  expire_with_job(parts)
end
if total ~= '' then redis.call('HSET', job, 'total', total) end
if mark == 'x' then
  note(unit, 'dead', owner, (tonumber(redis.call('HGET', attempts, unit)) or 0) + 1, ARGV[5], ARGV[10])
  redis.call('HSET', errors, unit, ARGV[5])
  expire_with_job(errors)
  return {1, bury(id, unit, state)}
end
redis.call('SETRANGE', units, unit, mark)
redis.call('HDEL', attempts, unit)
redis.call('HDEL', errors, unit)
redis.call('HINCRBY', job, 'done', 1)
count('units', id, 'done')
return {1, owe_next(id, unit, mark, state)}
