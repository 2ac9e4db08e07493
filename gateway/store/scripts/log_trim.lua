-- log_trim: what of a room's log is over its limits goes, but never the last entry, by which followers find on, nor
-- what is as young as gaps are that gateways still heal. Little by little: one call removes so many at most.
--
-- KEYS  1 log
-- ARGV  1 entries to keep  2 ms before which all is too old (0 = no age)  3 ms after which all stays  4 at most
-- Returns how many went
local length = redis.call('XLEN', KEYS[1])
local excess = length - tonumber(ARGV[1])
local too_old, young = tonumber(ARGV[2]), tonumber(ARGV[3])
local count = math.min(tonumber(ARGV[4]), length - 1)
if count < 1 or (excess < 1 and too_old == 0) then return 0 end
if excess < 1 then
  -- Most often nothing is old enough, and one entry tells.
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  if tonumber(string.match(first[1], '^%d+')) >= too_old then return 0 end
end
local gone = {}
for i, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', count)) do
  local ms = tonumber(string.match(entry[1], '^%d+'))
  if ms >= young or (i > excess and ms >= too_old) then break end
  gone[#gone + 1] = entry[1]
end
if #gone > 0 then redis.call('XDEL', KEYS[1], unpack(gone)) end
return #gone
