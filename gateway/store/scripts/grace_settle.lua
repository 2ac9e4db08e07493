-- grace_settle: a session's place in the schedule of ending graces is done with, unless it has a later one by now.
--
-- KEYS  1 graces
-- ARGV  1 uid  2 ms up to which it is done
-- Returns 1 removed | 0 kept
local at = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not at or tonumber(at) > tonumber(ARGV[2]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
