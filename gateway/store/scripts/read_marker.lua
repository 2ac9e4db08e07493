-- read_marker: how far somebody has read a target; only ever later, and never in the future.
--
-- KEYS  1 markers: target -> ms  2 sessions: uid -> ms of its last sign of life here
-- ARGV  1 target  2 ms ('' = only ask)  3 targets at most: what was read longest ago goes  4 sessions at most
--       5 uid to be told of changes ('' = none)  6 seconds to keep it all
-- Returns {ms ('' = unknown), 1 = changed by this, uid to be told...}
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local before = redis.call('ZSCORE', KEYS[1], ARGV[1])
local changed = 0
if ARGV[2] ~= '' then
  local ms = math.min(tonumber(ARGV[2]), now)
  if not before or ms > tonumber(before) then
    redis.call('ZADD', KEYS[1], ms, ARGV[1])
    before, changed = string.format('%.0f', ms), 1
    if redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[3]) then redis.call('ZPOPMIN', KEYS[1]) end
  end
  redis.call('EXPIRE', KEYS[1], ARGV[6])
end
if ARGV[5] ~= '' then
  redis.call('ZADD', KEYS[2], now, ARGV[5])
  if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[4]) then redis.call('ZPOPMIN', KEYS[2]) end
  redis.call('EXPIRE', KEYS[2], ARGV[6])
end
local reply = {before or '', changed}
if changed == 1 then
  for _, uid in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do reply[#reply + 1] = uid end
end
return reply
