-- room_link: members lost their connection, or turned out to be back: the room is told in one event of those for whom
-- it changes something.
--
-- KEYS  1 state  2 log  3 members
-- ARGV  1 channel  2 log length limit  3 gateway they are back on ('' = they are lost)  4.. uids
-- Returns {0, position} | {5} nothing changes
local gateway = ARGV[3] ~= '' and ARGV[3] or '-'
local changed = {}
for i = 4, #ARGV do
  local member = redis.call('HGET', KEYS[3], ARGV[i])
  if member and (string.sub(member, -2) == ' -') ~= (gateway == '-') then
    redis.call('HSET', KEYS[3], ARGV[i], (string.gsub(member, '[^ ]*$', '')) .. gateway)
    changed[#changed + 1] = ARGV[i]
  end
end
if #changed == 0 then return {5} end
local last = redis.call('HGET', KEYS[1], 'last') or '0-0'
local event = 'W {"uids":["' .. table.concat(changed, '","') .. '"],"gateway":"' .. ARGV[3] .. '"}'
local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[2], '*', 'e', event)
redis.call('HSET', KEYS[1], 'last', id)
redis.call('SPUBLISH', ARGV[1], last .. '\n' .. id .. ' ' .. event)
return {0, id}
