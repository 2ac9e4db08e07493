-- session_end: forget a session with its last attachment. What is left for a day tells a client that comes back late
-- that it is over.
--
-- KEYS  1 record of the attachment  2 rooms  3 positions  4 nicks it watches  5 record of the session
--       6 its attachments
-- ARGV  1 seconds its tokens are remembered
local t = redis.call('HMGET', KEYS[1], 'token', 'former')
redis.call('DEL', unpack(KEYS))
if t[1] and t[1] ~= '' then
  redis.call('HSET', KEYS[1], 'state', 'ended', 'token', t[1], 'former', t[2] or t[1])
  redis.call('EXPIRE', KEYS[1], ARGV[1])
end
return 1
