-- Return the names of leases that have expired, the longest expired first.   ARGV: how many at most
return redis.call('ZRANGEBYSCORE', leases, '-inf', seconds(), 'LIMIT', 0, ARGV[1])
