-- Stands before every script.
-- KEYS: leases, owners, running, job, units, attempts, errors, parts, active, jobs, totals, entries;
-- of leases alone, the first three.
local leases, owners, running, job, units, attempts, errors, parts, active, jobs, totals, entries = unpack(KEYS)

-- What stands for the owner where nobody is at work:
local OWED = ''  -- a message is due: whoever finds it expired sends it
local DELAYED = 'delayed'  -- a failed unit waits for its next attempt
local MOST_ENTRIES = 500  -- of a job's log
local RESEND_SECONDS = 5  -- after which a message that is owed is sent by somebody else
local TIDY_RESEND_SECONDS = 30  -- after which one that was sent and has reached nobody is sent again

-- Redis's own clock: those of the machines may differ.
local function seconds()
  local time = redis.call('TIME')
  return time[1] + time[2] / 1000000
end

local function owner_of(name)
  return redis.call('HGET', owners, name)
end

local function expiry_of(name)
  return tonumber(redis.call('ZSCORE', leases, name)) or 0
end

-- Keep the set of units that processes are at work on, which is no larger than there are processes.
local function note_running(name, is_running)
  if string.sub(name, 1, 5) ~= 'unit:' or string.sub(name, -7) == ':finish' then return end
  redis.call(is_running and 'SADD' or 'SREM', running, name)
end

local function hold(name, owner, expiry)
  redis.call('HSET', owners, name, owner)
  redis.call('ZADD', leases, string.format('%.6f', expiry), name)
  note_running(name, owner ~= OWED and owner ~= DELAYED)
end

local function free(name)
  redis.call('HDEL', owners, name)
  redis.call('ZREM', leases, name)
  note_running(name, false)
end

-- Add to a total over all jobs, which outlives them: 'units:solve:done'.
local function count(figure, id, detail, number)
  local kind = string.match(id, '^(.*)%-') or id
  redis.call('HINCRBY', totals, figure .. ':' .. kind .. (detail and ':' .. detail or ''), number or 1)
end

local function unit_lease(id, unit)
  return 'unit:' .. id .. ':' .. unit
end

-- Note that a message is to be sent, and return the unit it is for.
local function owe(id, unit)
  hold(unit_lease(id, unit), OWED, seconds() + RESEND_SECONDS)
  return tostring(unit)
end

local function is_open(state)
  return state == 'queued' or state == 'running' or state == 'finishing'
end

-- What is written to a job that has ended, by who was at work on it, expires with the job's record.
local function expire_with_job(key)
  local left = redis.call('TTL', job)
  if left > 0 then redis.call('EXPIRE', key, left) end
end

-- Owe what follows the end of a unit: the job's finish, or the next unit of a chain. Returns it, or ''.
local function owe_next(id, unit, mark, state)
  if state ~= 'queued' and state ~= 'running' then return '' end
  local ended = redis.call('HGET', job, 'done') + redis.call('HGET', job, 'dead')
  local total = tonumber(redis.call('HGET', job, 'total'))
  local chain = redis.call('HGET', job, 'sequential') == '1'
  -- A chain cannot go past a dead unit.
  if (total >= 0 and ended >= total) or (chain and mark == 'x') then
    redis.call('HSET', job, 'state', 'finishing')
    return owe(id, 'finish')
  end
  return chain and owe(id, unit + 1) or ''
end

-- Set a unit aside; returns what follows.
local function bury(id, unit, state)
  redis.call('SETRANGE', units, unit, 'x')
  redis.call('HDEL', attempts, unit)
  redis.call('HINCRBY', job, 'dead', 1)
  count('units', id, 'dead')
  return owe_next(id, unit, 'x', state)
end

-- Add to a job's log what befell a unit, or its finish; of too many entries the oldest go.
-- `took` is how many seconds the attempt took, '' where nobody knows.
local function note(unit, event, owner, attempt, text, took)
  local worker = string.match(owner, '^%S+ (%S+) ') or ''
  local entry = {time = seconds(), unit = tostring(unit), event = event, worker = worker}
  entry.attempt, entry.text, entry.seconds = attempt, text, tonumber(took)
  redis.call('RPUSH', entries, cjson.encode(entry))
  redis.call('LTRIM', entries, -MOST_ENTRIES, -1)
  expire_with_job(entries)
end
