-- nick_free: give a nick back, unless somebody else holds it by now, and tell who watches it.
--
-- KEYS  1 claim, which is the name of the channel too
-- ARGV  1 uid
-- Returns 1 freed | 0 it was not ours
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[1])
redis.call('SPUBLISH', KEYS[1], '- ' .. ARGV[1])
return 1
