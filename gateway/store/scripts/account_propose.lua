-- account_propose: an account that is to be verified; whoever proposed it may do so again, with another address.
--
-- KEYS  1 account  2 the same, not verified yet
-- ARGV  1 ms it waits  2 uid of the session that asks  3... field, value...
-- Returns 1 it waits | 0 there is or was one of that name, or somebody else's waits
if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
local uid = redis.call('HGET', KEYS[2], 'uid')
if uid and uid ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'uid', unpack(ARGV, 2))
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
