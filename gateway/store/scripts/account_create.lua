-- account_create: an account, once; the name of a deleted one is not given out again.
--
-- KEYS  1 account
-- ARGV  field, value...
-- Returns 1 created | 0 there is or was one of that name
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
