-- As much of a request as an answer shows: the fields that FIELDS has for a view, as HMGET does, and how many requests start
-- before it, false once it has left the queue.

local function position(id)
  local status, key_id = unpack(redis.call('HMGET', REQUEST .. id, 'status', 'key_id'))
  if status ~= 'QUEUED' then return false end
  local line = LINE .. key_id
  local place = redis.call('ZRANK', line, id)
  if not place then return redis.call('ZRANK', WAITING, id) end -- queued by an API of a former version
  local first = (redis.call('HGET', LAST_TURNS, key_id) or 0) - redis.call('ZCARD', line) + 1
  local turns = redis.call('ZRANK', TURNS, key_id .. ' ' .. string.format('%d', first + place))
  local requeued = redis.pcall('LLEN', RQ_QUEUE)
  return turns and turns + (tonumber(requeued) or 0)
end

local function shown(view, id)
  return redis.call('HMGET', REQUEST .. id, unpack(FIELDS[view])), position(id)
end
