-- alias_claim: a room answers to this name too, unless a room of that name is there, or another answers to it. All in
-- the slot of the name, where whoever founds a room of that name looks for the alias.
--
-- KEYS  1 alias  2 state  3 members
-- ARGV  1 room  2 '1' = it is about to get the name: the claim ends by itself, '' = it has it  3 seconds it is kept
--       4 alias that may be replaced ('' = none)
-- Returns {0} held now | {1} a room is there | {2, alias} another room's
local held, claim = redis.call('GET', KEYS[1]), '?' .. ARGV[1]
local ours = held == ARGV[1] or held == claim
if held and not ours and held ~= ARGV[4] then return {2, held} end
if redis.call('HLEN', KEYS[3]) > 0 or redis.call('HEXISTS', KEYS[2], 'founder') == 1 then
  if ours then redis.call('DEL', KEYS[1]) end
  return {1}
end
if ARGV[2] == '' then
  redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[3])
elseif held ~= ARGV[1] then
  redis.call('SET', KEYS[1], claim, 'EX', ARGV[3])
end
return {0}
