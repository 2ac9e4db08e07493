-- session_cut: the grace of a detached attachment is over now. Whoever looks at the schedule next ends it.
--
-- KEYS  1 record
-- ARGV  1 reason
-- Returns 1 it is due | 0 it has a connection, or is ending
if redis.call('HGET', KEYS[1], 'state') ~= 'detached' then return 0 end
redis.call('HSET', KEYS[1], 'until', 0, 'reason', ARGV[1])
return 1
