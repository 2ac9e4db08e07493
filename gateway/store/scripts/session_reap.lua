-- session_reap: claim the end of an attachment; nobody can take it over from then on. While the session has others, that
-- is all; with the last one the session is claimed. One reaper at a time; another takes over when the claim has run out,
-- since every step of reaping may be done twice.
--
-- KEYS  1 record of the attachment  2 record of the session  3 its attachments  4 positions
--       5 nicks it watches
-- ARGV  1 reaper  2 epoch of an attachment that its own gateway ends ('' = one whose grace is over)  3 claim ms
--       4 attachment  5 '1' = the session ends, whatever others it has  6 seconds its tokens are remembered
-- Returns {0, nick, reason} the session is mine to reap | {1} not to be reaped, with 1 where it is over | {2} not now | {3} ended; others go on
local r = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'until', 'reaper', 'reaped_at', 'reason', 'token', 'former')
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] ~= '' then
  if r[2] ~= ARGV[2] then return (r[1] == 'ended' or r[1] == 'left') and {1, 1} or {1} end
elseif r[1] == 'detached' then
  if tonumber(r[3]) > now then return {2} end
elseif r[1] ~= 'reaping' then
  return {1}
elseif r[5] and tonumber(r[5]) > now - ARGV[3] and r[4] ~= ARGV[1] then
  return {2}
end
local others = redis.call('HLEN', KEYS[3]) - redis.call('HEXISTS', KEYS[3], ARGV[4])
if others > 0 and ARGV[5] ~= '1' then
  redis.call('HDEL', KEYS[3], ARGV[4])
  redis.call('DEL', KEYS[4], KEYS[5])
  if KEYS[1] == KEYS[2] then
    redis.call('HSET', KEYS[1], 'state', 'left', 'epoch', r[2] + 1)
    redis.call('HDEL', KEYS[1], 'until', 'reason', 'taken', 'reaper', 'reaped_at')
  else
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'state', 'ended', 'token', r[7] or '', 'former', r[8] or r[7] or '')
    redis.call('EXPIRE', KEYS[1], ARGV[6])
  end
  return {3}
end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[2], 'state', 'reaping')
redis.call('HSET', KEYS[1], 'state', 'reaping', 'reaper', ARGV[1], 'reaped_at', now)
return {0, redis.call('HGET', KEYS[2], 'nick') or '', r[6] or ''}
