-- inbox_move: tell whoever follows an inbox that an attachment of its session lives elsewhere now, or that what they
-- share has changed. Belongs to no gateway's numbered batches: a second one changes nothing.
--
-- KEYS  1 state  2 log
-- ARGV  1 channel  2 log length limit  3 event
-- Returns the position
local last = redis.call('HGET', KEYS[1], 'last') or '0-0'
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[3])
redis.call('HSET', KEYS[1], 'last', id)
if last == '0-0' then redis.call('HSET', KEYS[1], 'born', id) end  -- as in room_msg
redis.call('SPUBLISH', ARGV[1], last .. '\n' .. id .. ' ' .. ARGV[3])
return id
