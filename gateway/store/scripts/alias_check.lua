-- alias_check: whether the room that an alias names has, or had, that name.
--
-- KEYS  1 state  2 members  3 lists  4 alias of the room's own first name
-- ARGV  1 entry of the lists for a former name
-- Returns {its name ('' = it is gone), 1 = it had that name, and lives}
-- Nobody is in and its own name leads elsewhere: it cannot be entered, so nothing leads to it.
local inside = redis.call('HLEN', KEYS[2]) > 0
if not inside and redis.call('EXISTS', KEYS[4]) == 1 then return {'', 0} end
local name, founder = unpack(redis.call('HMGET', KEYS[1], 'name', 'founder'))
local had = redis.call('HEXISTS', KEYS[3], ARGV[1]) == 1 and (inside or founder)
return {name or '', had and 1 or 0}
