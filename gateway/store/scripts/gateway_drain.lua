-- gateway_drain: ask a gateway to drain; it sees that with its next beat.
--
-- KEYS  1 heartbeats  2 drains
-- ARGV  1 gateway
-- Returns 1 asked | 0 there is no such gateway
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return 0 end
redis.call('SADD', KEYS[2], ARGV[1])
return 1
