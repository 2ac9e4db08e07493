-- account_create: an account, once; the name of a deleted one is not given out again.
--
-- KEYS  1 account  2 the same, not verified yet
-- ARGV  field, value...
-- Returns 1 created | 0 there is or was one of that name, or one waits to be verified
if redis.call('EXISTS', KEYS[1], KEYS[2]) > 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
