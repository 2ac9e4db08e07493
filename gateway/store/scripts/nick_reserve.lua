-- nick_reserve: reserve a nick for an account, unless it is another's, or somebody else is using it.
--
-- KEYS  1 claim  2 owner
-- ARGV  1 account  2 uid of the session that asks; '' = whoever is using it
--       3 ms to keep it while the account is not verified: until then only from other accounts; 0 = it is verified
-- Returns 1 reserved | 0 not
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[2] and ARGV[2] ~= '' then return 0 end
local owner = redis.call('GET', KEYS[2])
if owner and owner ~= ARGV[1] and owner ~= '?' .. ARGV[1] then return 0 end
if ARGV[3] == '0' then
  redis.call('SET', KEYS[2], ARGV[1])
else
  redis.call('SET', KEYS[2], '?' .. ARGV[1], 'PX', ARGV[3])
end
return 1
