-- nick_claim: one holder per nick, over all gateways.
--
-- KEYS  1 claim
-- ARGV  1 uid  2 holder that may be replaced ('' = none)
-- Returns {0} held now | {1, holder} somebody else has it
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then return {1, holder} end
redis.call('SET', KEYS[1], ARGV[1])
return {0}
