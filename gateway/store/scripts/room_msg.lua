-- room_msg: append a batch of events that change no state (PRIVMSG NOTICE TAGMSG), announce them once.
-- Atomic, so the log and the channel agree on one order. A retry of the same batch changes nothing.
--
-- KEYS  1 state  2 log
-- ARGV  1 channel  2 log length limit  3 gateway  4 number of the batch  5 permissions ('' = do not check)
--       6.. events
-- Returns {0, position...} done, one per event | {1, last} duplicate | {2, permissions} stale | {3, seen} hole
--         | {4} this gateway was reaped here
local st = redis.call('HMGET', KEYS[1], 'last', 'permissions', 'g:' .. ARGV[3])
if st[3] == 'X' then return {4} end
local n, seen, last = tonumber(ARGV[4]), tonumber(st[3] or '0'), st[1] or '0-0'
if n <= seen then return {1, last} end
if n > seen + 1 then return {3, seen} end
if ARGV[5] ~= '' and ARGV[5] ~= (st[2] or '0-0') then return {2, st[2] or '0-0'} end
local reply, announcement = {0}, {last}
for i = 6, #ARGV do
  local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[i])
  reply[i - 4] = id
  announcement[i - 4] = id .. ' ' .. ARGV[i]
end
redis.call('HSET', KEYS[1], 'last', reply[#reply], 'g:' .. ARGV[3], n)
redis.call('SPUBLISH', ARGV[1], table.concat(announcement, '\n'))
return reply
