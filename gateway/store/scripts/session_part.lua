-- session_part: a session that is shared no more: all attachments but one are taken from it, and may write nothing.
--
-- KEYS  1 record of the session  2 its attachments
-- ARGV  1 uid  2 the attachment that stays
-- Returns the others
local others = {}
for _, attachment in ipairs(redis.call('HKEYS', KEYS[2])) do
  if attachment ~= ARGV[2] then others[#others + 1] = attachment end
end
if #others > 0 then redis.call('HDEL', KEYS[2], unpack(others)) end
if ARGV[1] ~= ARGV[2] and redis.call('HGET', KEYS[1], 'state') ~= 'left' then
  redis.call('HSET', KEYS[1], 'state', 'left')
  redis.call('HINCRBY', KEYS[1], 'epoch', 1)
end
return others
