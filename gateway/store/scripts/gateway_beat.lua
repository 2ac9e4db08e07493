-- gateway_beat: renew a gateway's lease by the clock of Redis and say which gateways have lost theirs.
--
-- KEYS  1 heartbeats  2 figures  3 drains
-- ARGV  1 gateway  2 '1' = first beat  3 lease ms  4 figures
-- Returns {0, now ms, 1 = somebody asked for a drain, gateway...} with up to 16 stale ones | {4} it was buried
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] ~= '1' and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {4} end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
local stale = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3], 'LIMIT', 0, 16)
return {0, now, redis.call('SISMEMBER', KEYS[3], ARGV[1]), unpack(stale)}
