-- inbox_move: tell whoever still follows an inbox that its session lives elsewhere now. Belongs to no gateway's
-- numbered batches: a second one of the same epoch changes nothing.
--
-- KEYS  1 state  2 log
-- ARGV  1 channel  2 log length limit  3 event
-- Returns the position
local last = redis.call('HGET', KEYS[1], 'last') or '0-0'
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[3])
redis.call('HSET', KEYS[1], 'last', id)
redis.call('SPUBLISH', ARGV[1], last .. '\n' .. id .. ' ' .. ARGV[3])
return id
