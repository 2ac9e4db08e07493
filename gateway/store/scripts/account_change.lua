-- account_change: change an account that is still there.
--
-- KEYS  1 account
-- ARGV  field, value...
-- Returns 1 changed | 0 it was deleted
if redis.call('HEXISTS', KEYS[1], 'hash') == 0 then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
