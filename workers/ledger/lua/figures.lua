-- Return the figures of all open jobs by kind, as JSON, in one pass over their records.
-- KEYS: with the key of a job without an id, which the others' begin with
local kinds = {}

local function figures_of(kind)
  if not kinds[kind] then
    kinds[kind] = {queued = 0, running = 0, finishing = 0, outstanding = 0, done = 0, dead = 0, at_work = 0}
  end
  return kinds[kind]
end

for _, id in ipairs(redis.call('SMEMBERS', active)) do
  local kind, state, sequential, total, done, dead, published =
    unpack(redis.call('HMGET', job .. id, 'kind', 'state', 'sequential', 'total', 'done', 'dead', 'published'))
  if state and is_open(state) then
    local figures = figures_of(kind)
    local ended = done + dead
    local known = tonumber(total)
    if known < 0 then
      -- The length of a chain is unknown, and one unit of it is due; of a listing, what it has published.
      known = sequential == '1' and ended + (state == 'finishing' and 0 or 1) or tonumber(published)
    end
    figures[state] = figures[state] + 1
    figures.outstanding = figures.outstanding + math.max(0, known - ended)
    figures.done = figures.done + done
    figures.dead = figures.dead + dead
  end
end
for _, name in ipairs(redis.call('SMEMBERS', running)) do
  local kind = string.match(name, '^unit:(.*)%-')
  if kind then figures_of(kind).at_work = figures_of(kind).at_work + 1 end
end
return cjson.encode(kinds)
