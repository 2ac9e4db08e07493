-- session_keep: an attachment waits for its client, as the gateway knows it that it lost: Redis has forgotten it, or has it
-- as it was before that.
--
-- KEYS  1 record of the attachment  2 record of the session  3 positions  4 the session's attachments
-- ARGV  1 epoch it has had since  2 rest of its grace, ms  3 reason  4 gateway  5 hash of its token ('' = none)
--       6 attachment  7 how it is listed ('' = it is the session's only one)  8 how many of the next words go to the
--       session's record  9.. pairs: field, value; the rest: log, position up to which its client has had everything
-- Returns ms when the grace ends | 0 nothing is to be done: it is known, or somebody else's, or has ended
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) >= tonumber(ARGV[1]) then return 0 end
local state = redis.call('HGET', KEYS[1], 'state')
if state == 'ended' or state == 'left' then return 0 end
redis.call('HDEL', KEYS[1], 'reaper', 'reaped_at', 'taken', 'token', 'former')
local t = redis.call('TIME')
local ends = t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2]
redis.call('HSET', KEYS[1], 'epoch', ARGV[1], 'gateway', ARGV[4], 'state', 'detached', 'until', ends, 'reason', ARGV[3])
if ARGV[5] ~= '' then redis.call('HSET', KEYS[1], 'token', ARGV[5], 'resumes', '1') end
if ARGV[7] ~= '' then redis.call('HSETNX', KEYS[4], ARGV[6], ARGV[7]) end
-- of a session that has others, whoever holds one of them knows better
local own = 8 + ARGV[8]
if ARGV[7] == '' or redis.call('HEXISTS', KEYS[2], 'nick') == 0 then redis.call('HSET', KEYS[2], unpack(ARGV, 9, own)) end
if #ARGV > own then redis.call('HSET', KEYS[3], unpack(ARGV, own + 1)) end
return ends
