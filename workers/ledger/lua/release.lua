-- Give a lease back, if it is the caller's.   ARGV: name, owner
if owner_of(ARGV[1]) ~= ARGV[2] then return 0 end
free(ARGV[1])
return 1
