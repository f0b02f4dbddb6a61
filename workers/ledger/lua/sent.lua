-- The message that was owed is sent: it is owed no more, unless a worker has what it is for already.
-- That to tidy up after a job that is done stays owed until a worker has it: no audit looks at ended jobs.
-- ARGV: id, unit or 'finish'
local id, unit = ARGV[1], ARGV[2]
local name = unit_lease(id, unit)
if owner_of(name) ~= OWED then return 0 end
if unit == 'finish' and redis.call('HGET', job, 'state') == 'done' then
  hold(name, OWED, seconds() + TIDY_RESEND_SECONDS)
else
  free(name)
end
return 1
