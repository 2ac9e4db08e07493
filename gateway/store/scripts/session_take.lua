-- session_take: another connection takes an attachment over, wherever it was: one of many at once gets it.
-- The new epoch voids whatever the former holder still tries to write. It is of the clock, so that of two takings on
-- two lines of history, where a failover lost the first, the later one holds.
--
-- KEYS  1 record of the attachment  2 record of the session  3 its attachments
-- ARGV  1 gateway  2 hash of the token shown ('' = by account)  3 account  4 hash of the new token ('' = none)
--       5 ms an unsettled taking keeps others off  6 attachment  7 '1' = its client can show the new token
-- Returns {0, record of the session, former gateway, epoch, attachments} | {1} it has ended | {2} not allowed
--         | {3} another connection is taking it
local r = redis.call('HMGET', KEYS[1], 'epoch', 'state', 'token', 'former', 'taken', 'gateway')
local s = redis.call('HMGET', KEYS[2], 'account', 'state', 'nick')
local by_token = ARGV[2] ~= '' and (r[3] == ARGV[2] or r[4] == ARGV[2])
local by_account = ARGV[2] == '' and ARGV[3] ~= '' and s[1] == ARGV[3]
if not (by_token or by_account) then return {2} end
if r[2] == 'ended' or r[2] == 'reaping' or r[2] == 'left' or s[2] == 'reaping' or not (r[1] and s[3]) then return {1} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if r[5] and tonumber(r[5]) > now - ARGV[5] then return {3} end
local record = redis.call('HGETALL', KEYS[2])
redis.call('HDEL', KEYS[1], 'state', 'until', 'reason', 'reaper', 'token', 'former', 'resumes')
local epoch = math.max(r[1] + 1, now)
redis.call('HSET', KEYS[1], 'gateway', ARGV[1], 'epoch', epoch, 'taken', now)
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'token', ARGV[4]) end
if ARGV[7] == '1' then redis.call('HSET', KEYS[1], 'resumes', '1') end
if by_token then redis.call('HSET', KEYS[1], 'former', ARGV[2]) end
local shown = redis.call('HGET', KEYS[3], ARGV[6])
if shown then redis.call('HSET', KEYS[3], ARGV[6], 'here' .. string.match(shown, ' .*$')) end
return {0, record, r[6], epoch, redis.call('HLEN', KEYS[3])}
