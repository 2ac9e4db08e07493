-- room_restore: write back what Redis has lost of a room's state, from a gateway's replica. Of several replicas the one
-- that had applied most of the lost log wins. Members are not part of it: each comes back by its own gateway.
--
-- KEYS  1 state  2 log  3 members  4 lists  5 alias: the name is this room's own again
-- ARGV  1 channel  2 log length limit  3 event  4 last position of the replica
--       5.. triples: 's' field value = of the state | 'l' entry value = of the lists
-- Returns {0, position} done | {5} it is not lost, or was restored from a replica that knew as much
local st = redis.call('HMGET', KEYS[1], 'last', 'created', 'restored', 'ended')

local function after(a, b)
  local am, as = string.match(a, '^(%d+)-(%d+)$')
  local bm, bs = string.match(b, '^(%d+)-(%d+)$')
  am, as, bm, bs = tonumber(am), tonumber(as), tonumber(bm), tonumber(bs)
  return am > bm or (am == bm and as > bs)
end

-- it ended after all that the replica knew: what is there now is another room
if st[4] and after(st[4], ARGV[4]) then return {5} end
-- a room made later than anything the replica knew was made because this one was lost
if st[2] and (st[3] or tonumber(st[2]) <= tonumber(string.match(ARGV[4], '^%d+'))) then
  if not st[3] then return {5} end
  -- a replica that has applied the restoration is of the new log, and knows nothing better
  local from, at = string.match(st[3], '^(%S+) (%S+)$')
  if not after(ARGV[4], from) or not after(at, ARGV[4]) then return {5} end
end
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[3])
redis.call('HDEL', KEYS[1], 'topic', 'topic_by', 'topic_at', 'founder', 'key', 'limit', 'history')
redis.call('HSET', KEYS[1], 'last', id, 'permissions', id, 'restored', ARGV[4] .. ' ' .. id)
redis.call('DEL', KEYS[4], KEYS[5])
for i = 5, #ARGV, 3 do
  redis.call('HSET', ARGV[i] == 's' and KEYS[1] or KEYS[4], ARGV[i + 1], ARGV[i + 2])
end
if redis.call('HLEN', KEYS[3]) == 0 then
  local kept = redis.call('HEXISTS', KEYS[1], 'founder') == 1 and 2592000 or 86400
  for _, k in ipairs({1, 2, 4}) do redis.call('EXPIRE', KEYS[k], kept) end
end
redis.call('SPUBLISH', ARGV[1], (st[1] or '0-0') .. '\n' .. id .. ' ' .. ARGV[3])
return {0, id}
