-- account_delete: forget everything of an account but that its name was one.
--
-- KEYS  1 account
-- Returns 1 deleted | 0 it was already
if redis.call('HEXISTS', KEYS[1], 'hash') == 0 then return 0 end
local name = redis.call('HGET', KEYS[1], 'name')
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'deleted', name)
return 1
