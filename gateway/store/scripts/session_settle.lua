-- session_settle: a step of a resumption is done, and what was kept for it may go.
--
-- KEYS  1 record  2 positions
-- ARGV  1 epoch  2 'settled' = everything missed was delivered | 'confirmed' = the client has the new token
-- Returns 1 | 0 the session is not the caller's any more
if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end
if ARGV[2] == 'settled' then
  redis.call('HDEL', KEYS[1], 'taken')
  redis.call('DEL', KEYS[2])
else
  redis.call('HDEL', KEYS[1], 'former')
end
return 1
