-- session_presence: how a session is shown to others, from all its attachments: it is here while one of them has a
-- connection, and away only when all that have one are away. The one place where this is decided.
--
-- KEYS  1 record of the session  2 its attachments
-- ARGV  1 attachment  2 '1' = it is away, or back, from now on  3 what its absence is called ('' = it is here)
-- Returns what the absence of the session is called ('' = it is here)
if ARGV[2] == '1' then
  local own = redis.call('HGET', KEYS[2], ARGV[1])
  if own then
    redis.call('HSET', KEYS[2], ARGV[1], string.match(own, '^%S+ %S+ ') .. ARGV[3])
  elseif redis.call('EXISTS', KEYS[2]) == 0 and redis.call('EXISTS', KEYS[1]) == 1 then
    redis.call('HSET', KEYS[1], 'away', ARGV[3])
  end
end
local all = redis.call('HVALS', KEYS[2])
if #all == 0 then return redis.call('HGET', KEYS[1], 'away') or '' end
local live, away = 0, nil
for _, value in ipairs(all) do
  local state, words = string.match(value, '^(%S+) %S+ (.*)$')
  if state == 'here' then
    live = live + 1
    if words == '' or away == nil then away = words end
  end
end
redis.call('HSET', KEYS[1], 'live', live, 'away', away or '')
return away or ''
