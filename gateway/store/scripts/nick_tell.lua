-- nick_tell: tell who watches a nick that its holder is here, or what changed of it; nothing if somebody else holds it.
--
-- KEYS  1 claim, which is the name of the channel too
-- ARGV  1 uid  2 '+' = it is here | '=' = something changed  3 member  4 event ('' = none)
-- Returns 1 told | 0 it is not its holder
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local t = redis.call('TIME')
local ms = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('SPUBLISH', KEYS[1], ARGV[2] .. ' ' .. ARGV[1] .. ' ' .. ms .. ' ' .. ARGV[3] .. '\n' .. ARGV[4])
return 1
