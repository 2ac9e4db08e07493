-- session_reap: claim the end of a session; nobody can take it over from then on. One reaper at a time; another takes
-- over when the claim has run out, since every step of reaping may be done twice.
--
-- KEYS  1 record
-- ARGV  1 reaper  2 epoch of a session that its own gateway ends ('' = one whose grace is over)  3 claim ms
-- Returns {0, nick, reason} mine to reap | {1} not to be reaped | {2} not now
local r = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'until', 'reaper', 'reaped_at', 'nick', 'reason')
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if ARGV[2] ~= '' then
  if r[2] ~= ARGV[2] then return {1} end
elseif r[1] == 'detached' then
  if tonumber(r[3]) > now then return {2} end
elseif r[1] ~= 'reaping' then
  return {1}
elseif r[5] and tonumber(r[5]) > now - ARGV[3] and r[4] ~= ARGV[1] then
  return {2}
end
redis.call('HSET', KEYS[1], 'state', 'reaping', 'reaper', ARGV[1], 'reaped_at', now)
return {0, r[6] or '', r[7] or ''}
