-- Reads a page of a list of requests, newest first. Prepended constants: LISTED, the fields to read; MAX_READ, the maximum
-- number of records read for a page, as the script blocks Redis.
-- ARGV: the list, the score to start from as in ZRANGE ... BYSCORE, the page size, and the status or '' for any.
-- Returns {{id, fields} of each request, score of the last record read, or false at the end of the list}.
local list, from, limit, status = unpack(ARGV)
local entries = redis.call('ZRANGE', list, from, '-inf', 'BYSCORE', 'REV', 'LIMIT', 0, MAX_READ, 'WITHSCORES')
local found, last = {}, false
for nth = 1, #entries, 2 do
  local record = REQUEST .. entries[nth]
  local current = redis.call('HGET', record, 'status')
  if current and (status == '' or current == status) then
    if #found == tonumber(limit) then return {found, last} end
    found[#found + 1] = {entries[nth], redis.call('HMGET', record, unpack(LISTED))}
  end
  last = entries[nth + 1]
end
return {found, #entries == 2 * MAX_READ and last}
