-- A closed job runs again: forget the dead marks of its units, keep what is done.
-- KEYS: job, units, attempts, errors, parts, active   ARGV: job id
-- Returns the number of units put back, -1 when the job is gone, -2 when it still finishes.
local job, units = KEYS[1], KEYS[2]
local state = redis.call('HGET', job, 'state')
if not state then return -1 end
if state == 'finishing' then return -2 end
local marks = redis.call('GET', units) or ''
local put_back = 0
local fresh = string.gsub(marks, '[xr]', function(mark)
  if mark == 'x' or state == 'cancelled' then put_back = put_back + 1; return '.' end
  return mark
end)
if marks ~= '' then redis.call('SET', units, fresh) end
redis.call('DEL', KEYS[3], KEYS[4])
redis.call('HSET', job, 'state', 'running', 'dead', 0, 'ended', '', 'error', '', 'summary', '')
if tonumber(redis.call('HGET', job, 'total')) == tonumber(redis.call('HGET', job, 'done')) then
  -- Only putting the results together went wrong: no unit is left to ask for it again.
  redis.call('HSET', job, 'state', 'finishing', 'owes_finish', 1)
end
redis.call('SADD', KEYS[6], ARGV[1])
for i = 1, 5 do redis.call('PERSIST', KEYS[i]) end
return put_back
