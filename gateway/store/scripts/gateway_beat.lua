-- gateway_beat: renew a gateway's lease by the clock of Redis and say which gateways have lost theirs.
-- The name of the data is made with it: where it is another, Redis has lost everything, leases included, and a gateway
-- without one was not buried.
--
-- KEYS  1 heartbeats  2 figures  3 name of the data
-- ARGV  1 gateway  2 '1' = first beat  3 lease ms  4 figures  5 name of the data as the gateway knows it  6 a new name
-- Returns {0, name of the data, gateway...} with up to 16 stale ones | {4} this gateway was buried
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local name = redis.call('GET', KEYS[3])
if not name then
  name = ARGV[6]
  redis.call('SET', KEYS[3], name)
end
if ARGV[2] ~= '1' and name == ARGV[5] and not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {4} end
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[4])
local stale = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[3], 'LIMIT', 0, 16)
table.insert(stale, 1, 0)
table.insert(stale, 2, name)
return stale
