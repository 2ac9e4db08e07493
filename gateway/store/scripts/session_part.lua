-- session_part: an attachment is taken from a session that is shared no more. It may write nothing, and is over.
--
-- KEYS  1 record of the attachment  2 record of the session  3 its attachments  4 positions  5 nicks it watches
-- ARGV  1 attachment  2 seconds its tokens are remembered
-- Returns 1 taken | 0 it was none of its attachments any more
if redis.call('HDEL', KEYS[3], ARGV[1]) == 0 then return 0 end
redis.call('DEL', KEYS[4], KEYS[5])
if KEYS[1] == KEYS[2] then
  redis.call('HSET', KEYS[1], 'state', 'left')
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
else
  local t = redis.call('HMGET', KEYS[1], 'token', 'former')
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'state', 'ended', 'token', t[1] or '', 'former', t[2] or t[1] or '')
  redis.call('EXPIRE', KEYS[1], ARGV[2])
end
return 1
