-- lost_claim: take sessions that have been without a connection long enough to be shown as away. One gateway shows
-- them; should it die at it, another does when the claim has run out.
--
-- KEYS  1 schedule
-- ARGV  1 ms of a claim  2 how many
-- Returns {uid...}
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
for _, uid in ipairs(due) do redis.call('ZADD', KEYS[1], now + ARGV[1], uid) end
return due
