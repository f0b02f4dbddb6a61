-- Replace the newest figures of a job while a unit is at work. Only the owner may.
-- ARGV: id, unit, owner, latest (JSON)
if owner_of(unit_lease(ARGV[1], ARGV[2])) ~= ARGV[3] or redis.call('EXISTS', job) == 0 then return 0 end
redis.call('HSET', job, 'latest', ARGV[4])
return 1
