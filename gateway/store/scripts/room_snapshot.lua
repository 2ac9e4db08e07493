-- room_snapshot: a room's state and members at one moment. One command, so a cluster can send it elsewhere as a whole.
--
-- KEYS  1 state  2 members
-- Returns {state fields and values, members and values}
return {redis.call('HGETALL', KEYS[1]), redis.call('HGETALL', KEYS[2])}
