-- room_reap: members that were lost leave the room in one event, exactly once, whichever gateways race.
-- May also fence a dead gateway here: what it still tries to write is refused.
--
-- KEYS  1 state  2 log  3 members  4 lists
-- ARGV  1 channel  2 log length limit  3 dead gateway ('' = fence none)  4 reason  5.. uids
-- Returns {0, position, members that went} | {5} none of them was here
if redis.call('EXISTS', KEYS[1]) == 0 then return {5} end
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'g:' .. ARGV[3], 'X') end
local gone, sources = {}, {}
for i = 5, #ARGV do
  local member = redis.call('HGET', KEYS[3], ARGV[i])
  if member then
    redis.call('HDEL', KEYS[3], ARGV[i])
    gone[#gone + 1] = ARGV[i]
    sources[#sources + 1] = string.gsub(member, '^%S+ (%S+) (%S+) (%S+) .*$', '%1!%2@%3')
  end
end
if #gone == 0 then return {5} end
local last = redis.call('HGET', KEYS[1], 'last') or '0-0'
local gateway = ARGV[3] ~= '' and ARGV[3] or '-'
local event = 'R ' .. gateway .. ' ' .. table.concat(gone, ',') .. ' ' .. table.concat(sources, ' ') .. ' ' .. ARGV[4]
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', event)
redis.call('HSET', KEYS[1], 'last', id, 'permissions', id)
if redis.call('HLEN', KEYS[3]) == 0 then
  redis.call('HSET', KEYS[1], 'ended', id)
  local kept = redis.call('HEXISTS', KEYS[1], 'founder') == 1 and 2592000 or 86400
  for _, k in ipairs({1, 2, 4}) do redis.call('EXPIRE', KEYS[k], kept) end
end
redis.call('SPUBLISH', ARGV[1], last .. '\n' .. id .. ' ' .. event)
return {0, id, #gone}
