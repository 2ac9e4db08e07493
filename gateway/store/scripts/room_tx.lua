-- room_tx: compare-and-append for one event that changes state (join part quit nick topic mode).
-- The gateway decided on its replica; this checks that the replica was current, then applies, appends, announces.
--
-- KEYS  1 state  2 log  3 members
-- ARGV  1 channel  2 log length limit  3 gateway  4 number of the batch  5 permissions ('' = do not check)
--       6 event  7 '1' = the event changes permissions
--       8 uid  9 'in' | 'out' | '' = must (not) be a member  10 member ('' = leave as is, '-' = delete)
--       11.. pairs: state field, value; '@' stands for the ms of the event
-- Returns {0, position} done | {1, last} duplicate | {2, permissions} stale | {3, seen} hole | {4} reaped
--         | {5, last} nothing to do (the number of the batch is used up)
local st = redis.call('HMGET', KEYS[1], 'last', 'permissions', 'g:' .. ARGV[3])
if st[3] == 'X' then return {4} end
local n, seen, last = tonumber(ARGV[4]), tonumber(st[3] or '0'), st[1] or '0-0'
if n <= seen then return {1, last} end
if n > seen + 1 then return {3, seen} end
if ARGV[5] ~= '' and ARGV[5] ~= (st[2] or '0-0') then return {2, st[2] or '0-0'} end
if ARGV[9] ~= '' and (redis.call('HEXISTS', KEYS[3], ARGV[8]) == 1) ~= (ARGV[9] == 'in') then
  redis.call('HSET', KEYS[1], 'g:' .. ARGV[3], n)
  return {5, last}
end
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[6])
redis.call('HSET', KEYS[1], 'last', id, 'g:' .. ARGV[3], n)
if ARGV[7] == '1' then redis.call('HSET', KEYS[1], 'permissions', id) end
if ARGV[10] == '-' then
  redis.call('HDEL', KEYS[3], ARGV[8])
elseif ARGV[10] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[8], ARGV[10])
  if redis.call('HLEN', KEYS[3]) == 1 then
    for k = 1, 2 do redis.call('PERSIST', KEYS[k]) end
  end
end
for i = 11, #ARGV, 2 do
  local value = ARGV[i + 1]
  if value == '@' then value = string.match(id, '^%d+') end
  redis.call('HSET', KEYS[1], ARGV[i], value)
end
-- a room nobody is in is kept for a day, one that belongs to an account for 30
if ARGV[10] == '-' and redis.call('HLEN', KEYS[3]) == 0 then
  local kept = redis.call('HEXISTS', KEYS[1], 'founder') == 1 and 2592000 or 86400
  for k = 1, 2 do redis.call('EXPIRE', KEYS[k], kept) end
end
redis.call('SPUBLISH', ARGV[1], last .. '\n' .. id .. ' ' .. ARGV[6])
return {0, id}
