-- session_detach: an attachment has lost its connection and is kept for its grace, if it could prove itself to another
-- gateway: with a token or an account. The epoch goes up, so the gateway that lost it cannot write it any more.
--
-- KEYS  1 record of the attachment  2 positions  3 record of the session  4 its attachments
-- ARGV  1 field that must be  2 of this value: 'epoch', 'token', or 'gateway' for a dead one  3 grace ms  4 reason
--       5 attachment  6.. pairs: log, position up to which its client has had everything
-- Returns {0, ms when the grace ends, others of the session that have a connection, epoch} | {1} it is somebody else's, or gone
--         | {2} it cannot prove itself: reap it now | {3} nothing is known of it
local r = redis.call('HMGET', KEYS[1], ARGV[1], 'state', 'until', 'token', 'epoch', 'resumes')
if not r[5] and not r[2] then return {3} end
if r[1] ~= ARGV[2] or r[2] == 'ended' or r[2] == 'left' then return {1} end
local shown, others = redis.call('HGET', KEYS[4], ARGV[5]), 0
for _, value in ipairs(redis.call('HVALS', KEYS[4])) do
  if string.sub(value, 1, 5) == 'here ' then others = others + 1 end
end
if shown and string.sub(shown, 1, 5) == 'here ' then others = others - 1 end
if r[2] == 'detached' then return {0, tonumber(r[3]), others, tonumber(r[5])} end
local account = redis.call('HGET', KEYS[3], 'account')
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local epoch = math.max((r[5] or 0) + 1, now)
local provable = (r[4] and r[4] ~= '') or (account and account ~= '')
if r[2] == 'reaping' or not provable then
  redis.call('HSET', KEYS[1], 'state', 'reaping', 'epoch', epoch)
  return {2}
end
local ends = now + ARGV[3]
redis.call('HSET', KEYS[1], 'state', 'detached', 'until', ends, 'reason', ARGV[4], 'epoch', epoch)
redis.call('HDEL', KEYS[1], 'taken')
if shown then redis.call('HSET', KEYS[4], ARGV[5], (r[6] and 'waits' or 'lost') .. string.match(shown, ' .*$')) end
if #ARGV > 5 then redis.call('HSET', KEYS[2], unpack(ARGV, 6)) end
return {0, ends, others, epoch}
