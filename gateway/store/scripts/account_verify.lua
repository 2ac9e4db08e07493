-- account_verify: a code that was mailed makes the account it was mailed for.
--
-- KEYS  1 account  2 the same, not verified yet
-- ARGV  1 hash of the code  2 wrong codes that end it
-- Returns {name} of the account | {} the code is wrong or late
local held = redis.call('HMGET', KEYS[2], 'code', 'name')
if not held[1] then return {} end
if held[1] ~= ARGV[1] then
  if redis.call('HINCRBY', KEYS[2], 'tries', 1) >= tonumber(ARGV[2]) then redis.call('DEL', KEYS[2]) end
  return {}
end
redis.call('HDEL', KEYS[2], 'code', 'tries', 'uid')
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('PERSIST', KEYS[1])
return {held[2]}
