-- session_write: change a session's record, if it is still the writer's: a gateway from which the session was taken,
-- or that was buried, knows an older epoch.
--
-- KEYS  1 record
-- ARGV  1 epoch  2 '1' = write it afresh where there is none  3.. pairs: field, value
-- Returns 1 written | 0 not the writer's
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and epoch ~= ARGV[1] or not epoch and ARGV[2] ~= '1' then return 0 end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], unpack(ARGV, 3))
return 1
