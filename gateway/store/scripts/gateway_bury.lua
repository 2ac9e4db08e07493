-- gateway_bury: declare a stale gateway dead and claim the work of reaping it. One reaper at a time; another takes
-- over when the claim has run out, since every step of reaping may be done twice.
--
-- KEYS  1 heartbeats  2 buried  3 figures
-- ARGV  1 dead gateway  2 reaper  3 lease ms  4 claim ms
-- Returns 1 mine to reap | 0 alive, or another's
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local beat = redis.call('ZSCORE', KEYS[1], ARGV[1])
if beat then
  if tonumber(beat) > now - ARGV[3] then return 0 end
  redis.call('ZREM', KEYS[1], ARGV[1])
  redis.call('HDEL', KEYS[3], ARGV[1])
else
  local claim = redis.call('HGET', KEYS[2], ARGV[1])
  if not claim then return 0 end
  local reaper, at = string.match(claim, '^(.*)|(%d+)$')
  if reaper ~= ARGV[2] and tonumber(at) > now - ARGV[4] then return 0 end
end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. '|' .. now)
return 1
