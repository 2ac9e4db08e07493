-- alias_free: a name leads nowhere any more, unless the alias is another by now.
--
-- KEYS  1 alias
-- ARGV  1 alias
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
