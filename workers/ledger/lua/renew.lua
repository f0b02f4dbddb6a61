-- Renew a lease that its owner still has; expired, it is the owner's until somebody takes it or sweeps it.
-- ARGV: name, owner, seconds   Returns 1, or 0 when it is lost.
local name, owner = ARGV[1], ARGV[2]
if owner_of(name) ~= owner then return 0 end
hold(name, owner, seconds() + ARGV[3])
return 1
