-- nick_free: give a nick back, unless somebody else holds it by now.
--
-- KEYS  1 claim
-- ARGV  1 uid
-- Returns 1 freed | 0 it was not ours
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
