-- A unit ended: mark it, add its counts, and notice whether it was the last. The first record wins.
-- KEYS: job, units, attempts, errors, parts
-- ARGV: unit, mark ('d' or 'x'), error, counts (JSON), latest (JSON), part, total ('' keeps it)
-- Returns {recorded, completed}
local job, units, attempts, errors, parts = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local unit, mark, total = tonumber(ARGV[1]), ARGV[2], ARGV[7]

local state = redis.call('HGET', job, 'state')
if not state then return {0, 0} end
local old = redis.call('GETRANGE', units, unit, unit)
if old == 'd' or old == 'x' then return {0, state == 'finishing' and 1 or 0} end

redis.call('SETRANGE', units, unit, mark)
redis.call('HDEL', attempts, unit)
if mark == 'd' then
  redis.call('HINCRBY', job, 'done', 1)
  redis.call('HDEL', errors, unit)
else
  redis.call('HINCRBY', job, 'dead', 1)
  redis.call('HSET', errors, unit, ARGV[3])
end
for name, value in pairs(cjson.decode(ARGV[4])) do
  redis.call('HINCRBY', job, 'count:' .. name, value)
end
if ARGV[5] ~= '' then redis.call('HSET', job, 'latest', ARGV[5]) end
if ARGV[6] ~= '' then redis.call('HSET', parts, unit, ARGV[6]) end
if total ~= '' then redis.call('HSET', job, 'total', total) end

local ended = redis.call('HGET', job, 'done') + redis.call('HGET', job, 'dead')
local whole = tonumber(redis.call('HGET', job, 'total'))
local completed = whole >= 0 and ended >= whole
-- A chain cannot go past a dead slice.
if mark == 'x' and redis.call('HGET', job, 'sequential') == '1' then completed = true end
if completed and state ~= 'cancelled' then redis.call('HSET', job, 'state', 'finishing') end
return {1, (completed and state ~= 'cancelled') and 1 or 0}
