-- nick_release: end what a nick or a certificate is to an account, if it is the account's.
--
-- KEYS  1 owner
-- ARGV  1 account
-- Returns 1 released | 0 it was not the account's
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
