-- session_attach: one more connection shares a session of its account, or is told whose place it may take.
-- The states of attachments: 'here' = has a connection; 'waits' = has lost it, and its client has a token to come back
-- with; 'lost' = the same without a token.
--
-- KEYS  1 record of the session  2 its attachments  3 record of the new attachment
-- ARGV  1 gateway  2 account  3 uid  4 the new attachment  5 hash of its token  6 attachments a session may have (1: it
--       is not shared)  7 '1' = its client can show the token
-- Returns {0, record of the session} | {1} it has ended | {2} not allowed | {4} it has as many as it may have
--         | {5, attachment} that one's place is to be taken
local r = redis.call('HMGET', KEYS[1], 'account', 'state', 'resumes', 'away')
if ARGV[2] == '' or r[1] ~= ARGV[2] then return {2} end
if r[2] == 'ended' or r[2] == 'reaping' then return {1} end
local all = redis.call('HGETALL', KEYS[2])
if #all == 0 then
  local state = r[2] ~= 'detached' and 'here' or r[3] and 'waits' or 'lost'
  all = {ARGV[3], state .. ' 0 ' .. (r[4] or '')}
end
local lost, waits
for i = 1, #all, 2 do
  local state = string.match(all[i + 1], '^%S+')
  if state == 'lost' then lost = all[i] elseif state == 'waits' then waits = all[i] end
end
local most = tonumber(ARGV[6])
if lost then return {5, lost} end
if most == 1 then return {5, waits or all[1]} end
if #all / 2 >= most then return waits and {5, waits} or {4} end
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
all[#all + 1] = ARGV[4]
all[#all + 1] = 'here ' .. now .. ' '
redis.call('HSET', KEYS[2], unpack(all))
redis.call('HSET', KEYS[3], 'gateway', ARGV[1], 'epoch', 0, 'token', ARGV[5])
if ARGV[7] == '1' then redis.call('HSET', KEYS[3], 'resumes', '1') end
return {0, redis.call('HGETALL', KEYS[1])}
