-- room_reap: every member of a dead gateway leaves the room in one event, exactly once, whichever gateways race.
-- Also fences the gateway here: what it still tries to write is refused.
--
-- KEYS  1 state  2 log  3 members  4 lists
-- ARGV  1 channel  2 log length limit  3 dead gateway
-- Returns {0, position, members that went} | {5} nobody was here
local all = redis.call('HGETALL', KEYS[3])
local gone, suffix = {}, ' ' .. ARGV[3]
for i = 1, #all, 2 do
  if string.sub(all[i + 1], -#suffix) == suffix then gone[#gone + 1] = all[i] end
end
if redis.call('EXISTS', KEYS[1]) == 0 then return {5} end
redis.call('HSET', KEYS[1], 'g:' .. ARGV[3], 'X')
if #gone == 0 then return {5} end
for i = 1, #gone, 500 do redis.call('HDEL', KEYS[3], unpack(gone, i, math.min(i + 499, #gone))) end
local last = redis.call('HGET', KEYS[1], 'last') or '0-0'
local event = 'R ' .. ARGV[3] .. ' ' .. table.concat(gone, ',')
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', event)
redis.call('HSET', KEYS[1], 'last', id, 'permissions', id)
if redis.call('HLEN', KEYS[3]) == 0 then
  local kept = redis.call('HEXISTS', KEYS[1], 'founder') == 1 and 2592000 or 86400
  for _, k in ipairs({1, 2, 4}) do redis.call('EXPIRE', KEYS[k], kept) end
end
redis.call('SPUBLISH', ARGV[1], last .. '\n' .. id .. ' ' .. event)
return {0, id, #gone}
