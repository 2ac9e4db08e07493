-- rate: take tokens from a bucket that all gateways share (GCRA: the key holds the time at which it would be full).
--
-- KEYS  1 bucket
-- ARGV  1 microseconds per token  2 burst  3 tokens wanted (negative: given back)  4 tokens needed (fewer are not taken)
-- Returns {taken, us until what was needed can be had (0: it was), us by the clock of Redis}
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local per, burst, want, need = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local free = math.floor((now + burst * per - full) / per)
local taken = math.min(want, free)
if want > 0 and taken < need then return {0, full + need * per - burst * per - now, now} end
full = math.max(full + taken * per, now)
if full == now then
  redis.call('DEL', KEYS[1])
else
  redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', string.format('%.0f', (full - now) / 1000 + 1))
end
return {taken, 0, now}
