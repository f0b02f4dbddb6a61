-- Keep warnings of an attempt in the job's log. Only the unit's owner may.
-- ARGV: id, unit or 'finish', owner, which attempt this is, text of each warning …
local id, unit, owner = ARGV[1], ARGV[2], ARGV[3]
if redis.call('EXISTS', job) == 0 or owner_of(unit_lease(id, unit)) ~= owner then return 0 end
for index = 5, #ARGV do note(unit, 'warning', owner, tonumber(ARGV[4]), ARGV[index], '') end
return 1
