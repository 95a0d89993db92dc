-- As much of a request as an answer shows: the fields that FIELDS has for a view, as HMGET does, and its place in the
-- queue, false once it has left.
local function shown(view, id)
  local fields = redis.call('HMGET', REQUEST .. id, unpack(FIELDS[view]))
  return fields, redis.call('HGET', REQUEST .. id, 'status') == 'QUEUED' and redis.call('ZRANK', WAITING, id)
end
