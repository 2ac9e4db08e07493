-- whowas_note: remember who gave a nick up: the last few of each nick, of so many nicks, for so long.
--
-- KEYS  1 nick -> entries, newest first, one a line  2 nick -> ms of the newest
-- ARGV  1 nick  2 uid  3 entry, without the time  4 entries of a nick  5 nicks  6 ms they are kept
-- Returns 1
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local kept = {ARGV[2] .. ' ' .. string.format('%.0f', now) .. ' ' .. ARGV[3]}
for line in string.gmatch(redis.call('HGET', KEYS[1], ARGV[1]) or '', '[^\n]+') do
  -- noted again by another reaper: it is the same end
  local again = #kept == 1 and string.sub(line, 1, #ARGV[2] + 1) == ARGV[2] .. ' '
  if #kept < tonumber(ARGV[4]) and not again then kept[#kept + 1] = line end
end
redis.call('HSET', KEYS[1], ARGV[1], table.concat(kept, '\n'))
redis.call('ZADD', KEYS[2], now, ARGV[1])
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[6], 'LIMIT', 0, 10)
local excess = redis.call('ZCARD', KEYS[2]) - #old - tonumber(ARGV[5])
if excess > 0 then
  for _, nick in ipairs(redis.call('ZRANGE', KEYS[2], #old, #old + excess - 1)) do old[#old + 1] = nick end
end
if #old > 0 then
  redis.call('HDEL', KEYS[1], unpack(old))
  redis.call('ZREM', KEYS[2], unpack(old))
end
return 1
