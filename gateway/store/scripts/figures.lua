-- figures: write a gateway's share of what LUSERS tells; the most users there ever were at once is kept.
--
-- KEYS  1 figures  2 the most users
-- ARGV  1 gateway ('' = none, only the maximum is asked for)  2 users unregistered operators invisible
--       3 users that belong to no gateway
-- Returns the most users
if ARGV[1] ~= '' then redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]) end
local users = tonumber(ARGV[3])
for _, row in ipairs(redis.call('HVALS', KEYS[1])) do users = users + tonumber(string.match(row, '^%d+')) end
local most = tonumber(redis.call('GET', KEYS[2]) or '0')
if users > most then
  most = users
  redis.call('SET', KEYS[2], most)
end
return most
