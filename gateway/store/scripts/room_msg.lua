-- room_msg: append a batch of events that change no state (PRIVMSG NOTICE TAGMSG), announce them once.
-- Atomic, so the log and the channel agree on one order. A retry of the same batch changes nothing, and neither does an
-- event whose key was used here before: keys are kept for a day at least, unless 10 000 others came after them.
--
-- KEYS  1 state  2 log  and where an event has a key: 3 keys  4 keys, the generation before
-- ARGV  1 channel  2 log length limit  3 gateway  4 number of the batch  5 permissions ('' = do not check)
--       6.. events; where one has a key, four each: event, key ('' = none), owner, msgid
-- Returns {0, position...} done, one per event | {1, last} duplicate | {2, permissions} stale | {3, seen} hole
--         | {4} this gateway was reaped here
--         In place of a position, and after a duplicate's last (there '' for others), stands for an event whose key is
--         known `= position msgid` (the same owner) or `! position msgid` (another's): what the key was used for first,
--         which for a duplicate may be this very event.
local st = redis.call('HMGET', KEYS[1], 'last', 'permissions', 'g:' .. ARGV[3])
if st[3] == 'X' then return {4} end
local n, seen, last = tonumber(ARGV[4]), tonumber(st[3] or '0'), st[1] or '0-0'
local step = #KEYS == 4 and 4 or 1

local function known(i)
  if ARGV[i + 1] == '' then return false end
  local first = redis.call('HGET', KEYS[3], ARGV[i + 1]) or redis.call('HGET', KEYS[4], ARGV[i + 1])
  if not first then return false end
  local owner, rest = string.match(first, '^(%S+) (.*)$')
  return (owner == ARGV[i + 2] and '= ' or '! ') .. rest
end

-- A generation lives for two days and takes new keys during the first.
local function remember(i, id)
  local left = redis.call('TTL', KEYS[3])
  if left >= 0 and (left <= 86400 or redis.call('HLEN', KEYS[3]) >= 10000) then
    redis.call('RENAME', KEYS[3], KEYS[4])
    left = -2
  end
  redis.call('HSET', KEYS[3], ARGV[i + 1], ARGV[i + 2] .. ' ' .. id .. ' ' .. ARGV[i + 3])
  if left < 0 then redis.call('EXPIRE', KEYS[3], 172800) end
end

if n <= seen then
  local reply = {1, last}
  if step == 4 then
    for i = 6, #ARGV, 4 do reply[#reply + 1] = known(i) or '' end
  end
  return reply
end
if n > seen + 1 then return {3, seen} end
if ARGV[5] ~= '' and ARGV[5] ~= (st[2] or '0-0') then return {2, st[2] or '0-0'} end
local reply, announcement = {0}, {last}
for i = 6, #ARGV, step do
  local first = step == 4 and known(i)
  if first then
    reply[#reply + 1] = first
  else
    last = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[i])
    reply[#reply + 1] = last
    announcement[#announcement + 1] = last .. ' ' .. ARGV[i]
    if step == 4 and ARGV[i + 1] ~= '' then remember(i, last) end
  end
end
redis.call('HSET', KEYS[1], 'last', last, 'g:' .. ARGV[3], n)
-- The place of its first event tells a log from one that began again after it was lost.
if not st[1] and #announcement > 1 then redis.call('HSET', KEYS[1], 'born', (string.match(announcement[2], '^%S+'))) end
if #announcement > 1 then redis.call('SPUBLISH', ARGV[1], table.concat(announcement, '\n')) end
return reply
