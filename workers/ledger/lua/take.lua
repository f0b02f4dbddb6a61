-- Take a lease, or renew one's own.   ARGV: name, owner, seconds
-- Returns '' when it is the caller's now, else its owner.
local name, owner = ARGV[1], ARGV[2]
local present = owner_of(name)
if present and present ~= owner and expiry_of(name) > seconds() then return present end
hold(name, owner, seconds() + ARGV[3])
return ''
