-- conversation_peers: whom somebody talked with, the last one first.
--
-- KEYS  1 times: peer -> ms  2 nicks: peer -> nick
-- Returns {peer, nick, ms, ...}
local reply = {}
local times = redis.call('ZREVRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 1, #times, 2 do
  reply[#reply + 1] = times[i]
  reply[#reply + 1] = redis.call('HGET', KEYS[2], times[i]) or ''
  reply[#reply + 1] = times[i + 1]
end
return reply
