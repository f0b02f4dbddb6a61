-- Remove a lease if it has expired.   ARGV: name
if expiry_of(ARGV[1]) > seconds() then return 0 end
free(ARGV[1])
return 1
