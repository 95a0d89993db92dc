-- Reads records for calls that were admitted before. Prepended: `record.lua`.
-- ARGV: the number of this batch, then for each call a view and a request id. Returns {fields, position or false} for each.
local replies = {}
for nth = 2, #ARGV do
  local view, id = string.match(ARGV[nth], '^(%S+) (.*)$')
  replies[nth - 1] = {read_record(view, id)}
end
return replies
