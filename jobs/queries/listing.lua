-- A page of a list of requests, newest first, in one step. Begins with LISTED, the fields to read, and MOST_READ, records
-- that a page is chosen from: Redis does nothing else meanwhile.
-- ARGV: the list, where it goes on, as in ZRANGE ... BYSCORE, how many, and their status, or '' for any.
-- Answers {{id, fields} of each, the score of the last that was read, or false where nothing is left}.
local list, from, limit, status = unpack(ARGV)
local entries = redis.call('ZRANGE', list, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, MOST_READ, 'WITHSCORES')
local found, last = {}, false
for nth = 1, #entries, 2 do
  local record = REQUEST .. entries[nth]
  local is = redis.call('HGET', record, 'status')
  if is and (status == '' or is == status) then
    if #found == tonumber(limit) then return {found, last} end
    found[#found + 1] = {entries[nth], redis.call('HMGET', record, unpack(LISTED))}
  end
  last = entries[nth + 1]
end
return {found, #entries == 2 * MOST_READ and last}
