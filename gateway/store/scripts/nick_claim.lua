-- nick_claim: one holder per nick, over all gateways; a reserved nick for its account alone.
--
-- KEYS  1 claim  2 owner
-- ARGV  1 uid  2 holder that may be replaced ('' = none)  3 account of the session ('' = none)
-- Returns {0} held now | {1, holder} somebody else has it | {2} it is reserved for another account
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[3] and string.sub(owner, 1, 1) ~= '?' then return {2} end
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] and holder ~= ARGV[2] then return {1, holder} end
redis.call('SET', KEYS[1], ARGV[1])
return {0}
