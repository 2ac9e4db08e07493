-- network_bans: the bans if they changed, without those that have ended by the clock of Redis.
--
-- KEYS  1 bans  2 ends  3 version
-- ARGV  1 version known
-- Returns {version} nothing new | {version, mask, 'set ms, end ms, who and why'...}
local t = redis.call('TIME')
local ended = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', t[1] * 1000 + math.floor(t[2] / 1000), 'LIMIT', 0, 100)
if #ended > 0 then
  redis.call('HDEL', KEYS[1], unpack(ended))
  redis.call('ZREM', KEYS[2], unpack(ended))
  redis.call('INCR', KEYS[3])
end
local version = redis.call('GET', KEYS[3]) or '0'
if version == ARGV[1] then return {version} end
local all = redis.call('HGETALL', KEYS[1])
table.insert(all, 1, version)
return all
