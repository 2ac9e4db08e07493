-- account_await: the code is on its way: the account waits for it from now on. Or it is not, and nothing waits.
--
-- KEYS  1 account that is not verified yet
-- ARGV  1 hash of the code  2 ms it waits; 0: no longer
-- Returns 1 done | 0 it is gone, or was proposed again under another code
if redis.call('HGET', KEYS[1], 'code') ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
