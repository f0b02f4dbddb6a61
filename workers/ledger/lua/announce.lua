-- A worker says that it lives. Its number is the lowest that no other live worker of its queue has.
-- KEYS: workers, worker_info   ARGV: node, seconds until it counts as gone, queue, what it tells (JSON)
-- Returns its number, from 1.
local workers, worker_info = unpack(KEYS)
local node, queue = ARGV[1], ARGV[3]
local now = seconds()
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', workers, '-inf', now)) do
  if gone ~= node then
    redis.call('ZREM', workers, gone)
    redis.call('HDEL', worker_info, gone)
  end
end

local function lowest_free()
  local taken = {}
  for _, text in ipairs(redis.call('HVALS', worker_info)) do
    local other = cjson.decode(text)
    if other.queue == queue then taken[other.number] = true end
  end
  local number = 1
  while taken[number] do number = number + 1 end
  return number
end

local present = redis.call('HGET', worker_info, node)
local number = present and cjson.decode(present).number or lowest_free()
local details = cjson.decode(ARGV[4])
details.queue = queue
details.number = number
redis.call('HSET', worker_info, node, cjson.encode(details))
redis.call('ZADD', workers, string.format('%.6f', now + ARGV[2]), node)
return number
