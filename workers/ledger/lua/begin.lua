-- A unit is about to run: count the attempt, or say why it must not run.
-- KEYS: job, units, attempts, errors, parts   ARGV: unit, most attempts, now
-- Returns {verdict, attempt, completed}
local job, units, attempts, errors = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local unit, most, now = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]

local state = redis.call('HGET', job, 'state')
if not state then return {'gone', 0, 0} end
if state == 'cancelled' then return {'cancelled', 0, 0} end

local mark = redis.call('GETRANGE', units, unit, unit)
if mark == 'd' or mark == 'x' then return {'ended', 0, state == 'finishing' and 1 or 0} end

local attempt = redis.call('HINCRBY', attempts, unit, 1)
if attempt > most then
  -- Its workers vanished every time, so nobody was left to record an error.
  redis.call('SETRANGE', units, unit, 'x')
  redis.call('HDEL', attempts, unit)
  redis.call('HSETNX', errors, unit, 'its worker was lost ' .. most .. ' times (killed, or out of memory)')
  redis.call('HINCRBY', job, 'dead', 1)
  local ended = redis.call('HGET', job, 'done') + redis.call('HGET', job, 'dead')
  local total = tonumber(redis.call('HGET', job, 'total'))
  local completed = (total >= 0 and ended >= total) or redis.call('HGET', job, 'sequential') == '1'
  if completed then redis.call('HSET', job, 'state', 'finishing') end
  return {'dead', attempt, completed and 1 or 0}
end

redis.call('SETRANGE', units, unit, 'r')
if state == 'queued' then redis.call('HSET', job, 'state', 'running', 'started', now) end
return {'run', attempt, 0}
