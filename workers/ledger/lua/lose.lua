-- A unit's process is known to have died: its lease expires now.   ARGV: id, unit, first part of the owner
local name = unit_lease(ARGV[1], ARGV[2])
local owner = owner_of(name)
if not owner or string.sub(owner, 1, #ARGV[3]) ~= ARGV[3] then return 0 end
hold(name, owner, seconds())
return 1
