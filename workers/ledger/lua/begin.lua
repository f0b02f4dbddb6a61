-- A unit's message has arrived: lease the unit to its worker, or say why it must not run.
-- ARGV: id, unit, owner, lease in seconds, most messages that may be ahead of `published`
-- Returns {verdict, attempt}
local id, unit, owner = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local state = redis.call('HGET', job, 'state')
if not state then return {'gone', 0} end
if state == 'cancelled' then return {'cancelled', 0} end
if state ~= 'queued' and state ~= 'running' then return {'ended', 0} end

local mark = redis.call('GETRANGE', units, unit, unit)
if mark == 'd' or mark == 'x' then return {'ended', 0} end
local total, done = tonumber(redis.call('HGET', job, 'total')), tonumber(redis.call('HGET', job, 'done'))
local last = total >= 0 and total - 1 or redis.call('HGET', job, 'published') + ARGV[5]
if redis.call('HGET', job, 'sequential') == '1' then last = done end
if unit > last then return {'unknown', 0} end

local name = unit_lease(id, unit)
local present = owner_of(name)
-- An expired lease is the sweep's, which counts the attempt and sends the unit again.
-- The owner itself asks again where the answer to its first question was lost.
if present and present ~= OWED and present ~= owner then return {'leased', 0} end
hold(name, owner, seconds() + ARGV[4])
redis.call('SETRANGE', units, unit, 'r')
if state == 'queued' then redis.call('HSET', job, 'state', 'running', 'started', seconds()) end
return {'run', (tonumber(redis.call('HGET', attempts, unit)) or 0) + 1}
