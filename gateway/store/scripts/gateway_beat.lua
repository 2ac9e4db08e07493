-- gateway_beat: renew a gateway's lease by the clock of Redis and say which gateways have lost theirs.
-- A lease that is missing was lost with other data, unless its gateway was buried. The name of the data is made with
-- them: where it is another, everything was lost.
--
-- KEYS  1 heartbeats  2 figures  3 name of the data  4 drains  5 buried  6 reaped
-- ARGV  1 gateway  2 '1' = first beat  3 lease ms  4 figures  5 a new name for the data
-- Returns {0, name of the data, now ms, 1 = somebody asked for a drain, gateway...} with up to 16 stale ones
--         | {4} this gateway was buried
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] ~= '1' and (redis.call('HEXISTS', KEYS[5], ARGV[1]) == 1 or redis.call('ZSCORE', KEYS[6], ARGV[1])) then
  return {4}
end
local name = redis.call('GET', KEYS[3])
if not name then
  name = ARGV[5]
  redis.call('SET', KEYS[3], name)
end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
local stale = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3], 'LIMIT', 0, 16)
return {0, name, now, redis.call('SISMEMBER', KEYS[4], ARGV[1]), unpack(stale)}
