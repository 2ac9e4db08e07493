-- network_ban: set or lift a ban that holds on every gateway.
--
-- KEYS  1 bans  2 ends  3 version
-- ARGV  1 mask  2 'set' | 'lift'  3 minutes (0 = until it is lifted)  4 who and why  5 bans there may be
-- Returns 1 done | 0 there is none to lift, or there are too many
if ARGV[2] == 'lift' then
  if redis.call('HDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('ZREM', KEYS[2], ARGV[1])
else
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then return 0 end
  local t = redis.call('TIME')
  local now = t[1] * 1000 + math.floor(t[2] / 1000)
  local ends = tonumber(ARGV[3]) > 0 and now + ARGV[3] * 60000 or 0
  redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f %.0f ', now, ends) .. ARGV[4])
  if ends > 0 then redis.call('ZADD', KEYS[2], ends, ARGV[1]) else redis.call('ZREM', KEYS[2], ARGV[1]) end
end
redis.call('INCR', KEYS[3])
return 1
