-- session_write: change a session's record, if it is still the writer's: a gateway from which the session was taken,
-- or that was buried, knows an older epoch.
--
-- KEYS  1 record
-- ARGV  1 epoch  2 '1' = assert the whole record, where there is none, or one that a failover put back to an older epoch
--       3.. pairs: field, value
-- Returns 1 written | 0 not the writer's
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch or tonumber(epoch) < tonumber(ARGV[1]) then
  if ARGV[2] ~= '1' then return 0 end
  -- whoever held it then has lost it since, and so has whoever began to end it
  redis.call('HDEL', KEYS[1], 'state', 'until', 'reason', 'reaper', 'reaped_at', 'taken', 'token', 'former')
elseif epoch ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], unpack(ARGV, 3))
return 1
