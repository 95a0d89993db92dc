-- Reads the fields of a request that a view shows, as HMGET returns them, and its position in the queue.

-- How many requests start before this one; false once it has left the queue.
local function position(id)
  local status, key_id = unpack(redis.call('HMGET', REQUEST .. id, 'status', 'key_id'))
  if status ~= 'QUEUED' then return false end
  local key_queue = KEY_QUEUE .. key_id
  local rank = redis.call('ZRANK', key_queue, id)
  if not rank then return redis.call('ZRANK', WAITING, id) end -- queued by an API of an older version
  local first = (redis.call('HGET', LAST_TURNS, key_id) or 0) - redis.call('ZCARD', key_queue) + 1
  local turns = redis.call('ZRANK', TURNS, key_id .. ' ' .. string.format('%d', first + rank))
  local requeued = redis.pcall('LLEN', RQ_QUEUE)
  return turns and turns + (tonumber(requeued) or 0)
end

local function read_record(view, id)
  return redis.call('HMGET', REQUEST .. id, unpack(FIELDS[view])), position(id)
end
