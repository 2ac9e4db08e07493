-- room_snapshot: a room at one moment. One command, so a cluster can send it elsewhere as a whole.
--
-- KEYS  1 state  2 members  3 lists  4 alias
-- Returns {state, members, lists, 1 = the name may lead to another room}, the first three as fields and values
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3]),
  redis.call('EXISTS', KEYS[4])}
