-- session_write: change what is an attachment's own, and what is its session's, if it is still the writer's: a gateway
-- from which it was taken, or that was buried, knows an older epoch.
--
-- KEYS  1 record of the attachment  2 record of the session  3 (or none) the session's attachments
-- ARGV  1 epoch  2 '1' = assert the whole record, where there is none, or one that a failover put back to an older epoch
--       3 how many of the next words go to the attachment's record  4.. pairs: field, value; the rest go to the session's
--       with KEYS 3 two more: the attachment, and how it is listed where it is not
-- Returns 1 written | 0 not the writer's, or it has ended
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch or tonumber(epoch) < tonumber(ARGV[1]) then
  if ARGV[2] ~= '1' or redis.call('HGET', KEYS[1], 'state') == 'ended' then return 0 end
  -- whoever held it then has lost it since, and so has whoever began to end it
  redis.call('HDEL', KEYS[1], 'state', 'until', 'reason', 'reaper', 'reaped_at', 'taken', 'token', 'former')
elseif epoch ~= ARGV[1] then
  return 0
end
if KEYS[3] then
  local listed, attachment = table.remove(ARGV), table.remove(ARGV)
  redis.call('HSETNX', KEYS[3], attachment, listed)
end
local own = 3 + ARGV[3]
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], unpack(ARGV, 4, own))
if #ARGV > own then redis.call('HSET', KEYS[2], unpack(ARGV, own + 1)) end
return 1
