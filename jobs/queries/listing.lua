-- A page of a list of requests, newest first, in one step. Begins with LISTED, the fields to read, STATUS, the place of the
-- status among them, and MOST_READ, records that a page is chosen from: Redis does nothing else meanwhile.
-- ARGV: the list, where it goes on, as in ZRANGE ... BYSCORE, how many, and their status, or '' for any.
-- Answers {{id, fields} of each, the score of the last that was read, or false where nothing is left}.
local list, from, limit, status = unpack(ARGV)
local entries = redis.call('ZRANGE', list, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, MOST_READ, 'WITHSCORES')
local found, last = {}, false
for nth = 1, #entries, 2 do
  local fields = redis.call('HMGET', REQUEST .. entries[nth], unpack(LISTED))
  if fields[STATUS] and (status == '' or fields[STATUS] == status) then
    if #found == tonumber(limit) then return {found, last} end
    found[#found + 1] = {entries[nth], fields}
  end
  last = entries[nth + 1]
end
return {found, #entries == 2 * MOST_READ and last}
