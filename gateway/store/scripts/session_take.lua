-- session_take: another connection takes a session over, wherever it was: one of many at once gets it.
-- The new epoch voids whatever the former holder still tries to write. It is of the clock, so that of two takings on
-- two lines of history, where a failover lost the first, the later one holds.
--
-- KEYS  1 record
-- ARGV  1 gateway  2 hash of the token shown ('' = by account)  3 account  4 hash of the new token ('' = none)
--       5 ms an unsettled taking keeps others off
-- Returns {0, record, new epoch} | {1} it has ended | {2} not allowed | {3} another connection is taking it
local r = redis.call('HMGET', KEYS[1], 'epoch', 'state', 'token', 'former', 'account', 'taken')
local by_token = ARGV[2] ~= '' and (r[3] == ARGV[2] or r[4] == ARGV[2])
local by_account = ARGV[2] == '' and ARGV[3] ~= '' and r[5] == ARGV[3]
if not (by_token or by_account) then return {2} end
if r[2] == 'ended' or r[2] == 'reaping' then return {1} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if r[6] and tonumber(r[6]) > now - ARGV[5] then return {3} end
local record = redis.call('HGETALL', KEYS[1])
redis.call('HDEL', KEYS[1], 'state', 'until', 'reason', 'reaper', 'token', 'former')
local epoch = math.max(r[1] + 1, now)
redis.call('HSET', KEYS[1], 'gateway', ARGV[1], 'epoch', epoch, 'taken', now)
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'token', ARGV[4]) end
if by_token then redis.call('HSET', KEYS[1], 'former', ARGV[2]) end
return {0, record, epoch}
