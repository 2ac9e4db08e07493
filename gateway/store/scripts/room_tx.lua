-- room_tx: compare-and-append for one event that changes state (join part kick quit nick topic mode invite rename).
-- The gateway decided on its replica; this checks that the replica was current, then applies, appends, announces.
--
-- KEYS  1 state  2 log  3 members  4 lists  5 alias
-- ARGV  1 channel  2 log length limit  3 gateway  4 number of the batch  5 permissions ('' = do not check)
--       6 event  7 '1' = the event changes permissions
--       8 uid  9 'in' | 'out' | '' = must (not) be a member  10 member ('' = leave as is, '-' = delete,
--       '>gateway' = as it is, on that gateway)
--       11 refuse if so many members are there ('' = no limit)
--       12 '' | '1' = empty the lists first | '2' = the log too, up to where the room ended: that entry stays, by which
--       followers find on, and what came after it, where a failover has this founding written once more
--       13.. triples: 's' state field, value | 't' state field, '' = the ms of the event | 'm' uid, modes of a member
--            that is there | 'l' list entry, by whom | 'x' list entry, '' = delete
--            | 'd' position, '' = what has this place in the log is not there any more
-- Returns {0, position} done | {1, last} duplicate | {3, seen} hole | {4} reaped
--         | {2, permissions} stale: decide again on a replica that knows them
--         | {5, last} nothing to do (the number of the batch is used up)
--         | {6, last} full: decide again on a replica that has come as far as this
--         | {7} nobody is in and the name leads to another room: it is not founded (the number is not used up)
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
if ARGV[11] ~= '' and redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[11]) then return {6, last} end
if ARGV[9] == 'out' and redis.call('EXISTS', KEYS[5]) == 1 and redis.call('HLEN', KEYS[3]) == 0 then return {7} end
if ARGV[12] ~= '' then redis.call('DEL', KEYS[4]) end
if ARGV[12] == '2' then
  local ended = redis.call('HGET', KEYS[1], 'ended')
  if ended then
    redis.call('XTRIM', KEYS[2], 'MINID', ended)
  elseif redis.call('HLEN', KEYS[3]) == 0 then
    redis.call('XTRIM', KEYS[2], 'MAXLEN', 1)
  end
end
-- With its last member a room ends, and the log says so ('E' in place of 'P'): no replica has to count.
local event = ARGV[6]
local ends = string.sub(event, 1, 2) == 'P ' and ARGV[10] == '-' and redis.call('HLEN', KEYS[3]) == 1
  and redis.call('HEXISTS', KEYS[3], ARGV[8]) == 1
if ends then event = 'E' .. string.sub(event, 2) end
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', event)
redis.call('HSET', KEYS[1], 'last', id, 'g:' .. ARGV[3], n)
if ends or ARGV[7] == '1' then redis.call('HSET', KEYS[1], 'permissions', id) end
if ARGV[10] == '-' then
  redis.call('HDEL', KEYS[3], ARGV[8])
elseif string.sub(ARGV[10], 1, 1) == '>' then
  local member = redis.call('HGET', KEYS[3], ARGV[8])
  redis.call('HSET', KEYS[3], ARGV[8], string.gsub(member, '[^ ]*$', '') .. string.sub(ARGV[10], 2))
elseif ARGV[10] ~= '' then
  redis.call('HSET', KEYS[3], ARGV[8], ARGV[10])
  if redis.call('HLEN', KEYS[3]) == 1 then
    for _, k in ipairs({1, 2, 4}) do redis.call('PERSIST', KEYS[k]) end
  end
end
local ms = string.match(id, '^%d+')
for i = 13, #ARGV, 3 do
  local which, field, value = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if which == 's' then
    redis.call('HSET', KEYS[1], field, value)
  elseif which == 't' then
    redis.call('HSET', KEYS[1], field, ms)
  elseif which == 'l' then
    redis.call('HSET', KEYS[4], field, ms .. ' ' .. value)
  elseif which == 'x' then
    redis.call('HDEL', KEYS[4], field)
  elseif which == 'd' then
    redis.call('XDEL', KEYS[2], field)
  else
    -- only the modes: the nick may have changed since the decision
    local member = redis.call('HGET', KEYS[3], field)
    if member then redis.call('HSET', KEYS[3], field, value .. string.match(member, ' .*$')) end
  end
end
-- What an empty room kept is there for a day, and for 30 if it belongs to an account.
if ARGV[10] == '-' and redis.call('HLEN', KEYS[3]) == 0 then
  redis.call('HSET', KEYS[1], 'ended', id)
  local kept = redis.call('HEXISTS', KEYS[1], 'founder') == 1 and 2592000 or 86400
  for _, k in ipairs({1, 2, 4}) do redis.call('EXPIRE', KEYS[k], kept) end
end
redis.call('SPUBLISH', ARGV[1], last .. '\n' .. id .. ' ' .. event)
return {0, id}
