-- room_snapshot: a room at one moment. One command, so a cluster can send it elsewhere as a whole.
--
-- KEYS  1 state  2 members  3 lists
-- Returns {state, members, lists}, each as fields and values
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2]), redis.call('HGETALL', KEYS[3])}
