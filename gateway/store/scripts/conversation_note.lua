-- conversation_note: somebody talked with somebody.
--
-- KEYS  1 times: peer -> ms  2 nicks: peer -> nick  3 inboxes: uid -> ms
-- ARGV  1 peer  2 its nick  3 ms  4 peers at most: who was not talked with for longest goes  5 seconds to keep it all
--       6 uid of the session that said it, or was told it  7 uids at most, likewise
redis.call('ZADD', KEYS[1], 'GT', ARGV[3], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
if redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[4]) then
  local oldest = redis.call('ZPOPMIN', KEYS[1])
  redis.call('HDEL', KEYS[2], oldest[1])
end
redis.call('ZADD', KEYS[3], 'GT', ARGV[3], ARGV[6])
redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -1 - tonumber(ARGV[7]))
redis.call('EXPIRE', KEYS[3], ARGV[5])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
