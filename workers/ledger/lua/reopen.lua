-- An ended job runs again: forget the dead marks of its units, keep what is done, and own the output again.
-- ARGV: id, lease of its output ('' for none)
-- Returns {outcome, what to send or the output's owner}; the outcome is 'opened', 'gone', 'finishing'
-- or 'owned'.
local id, output = ARGV[1], ARGV[2]
local state = redis.call('HGET', job, 'state')
if not state then return {'gone', ''} end
if state == 'finishing' then return {'finishing', ''} end
if output ~= '' then
  local owner = owner_of(output)
  if owner and owner ~= id and expiry_of(output) > seconds() then return {'owned', owner} end
  redis.call('HSET', owners, output, id)
  redis.call('ZADD', leases, '+inf', output)
end

local marks = string.gsub(redis.call('GET', units) or '', '[xr]', '.')
if marks ~= '' then redis.call('SET', units, marks) end
local total, done = tonumber(redis.call('HGET', job, 'total')), tonumber(redis.call('HGET', job, 'done'))
local chain = redis.call('HGET', job, 'sequential') == '1'
redis.call('DEL', attempts, errors)
redis.call('HSET', job, 'state', 'running', 'dead', 0, 'ended', '', 'error', '', 'summary', '', 'output', output)
redis.call('SADD', active, id)
for _, key in ipairs({job, units, attempts, errors, parts, entries}) do redis.call('PERSIST', key) end
if total == done then
  -- Only putting the results together went wrong: no unit is left to ask for it again.
  redis.call('HSET', job, 'state', 'finishing')
  return {'opened', owe(id, 'finish')}
end
if chain then
  if owner_of(unit_lease(id, done)) then return {'opened', ''} end
  return {'opened', owe(id, done)}
end
return {'opened', ''}
