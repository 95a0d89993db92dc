-- The fields of the current request.
local stored = {}

-- Makes this the current request. Its fields are nil if its key holds a value of another type.
local function load_request(request_id, ...)
  id, record, stored = request_id, REQUEST .. request_id, {}
  local values = redis.pcall('HMGET', record, 'status', 'created_at', 'started_at', 'key_id', 'charge', 'cost',
    'idempotency', 'attempts', 'given_back', 'worker', 'machine', 'claimed_at', 'timeout', 'start_by', 'custom_id', 'webhook',
    'batch', ...)
  stored.status, stored.created_at, stored.started_at, stored.key_id, stored.charge, stored.cost, stored.idempotency, stored.attempts,
    stored.given_back, stored.worker, stored.machine, stored.claimed_at, stored.timeout, stored.start_by, stored.custom_id, stored.webhook,
    stored.batch, stored.params, stored.traceparent = unpack(values)
  return stored.status
end

-- Keys that many moves change are written once, at the end of the call, as most of the cost of a write is its line in the
-- append-only file. `buffer` collects further writes of a sweep, whose moves are all alike; it is nil otherwise.
local buffer
local key_counters, worker_counters = {}, {}

local function add_to_counter(counters, key, field, amount)
  counters[key] = counters[key] or {}
  counters[key][field] = (counters[key][field] or 0) + (amount or 0)
end

local function buffered(kind, key)
  buffer[kind][key] = buffer[kind][key] or {}
  return buffer[kind][key]
end

-- Returns whether it was a member; with a buffer, true.
local function remove(key, member)
  if not buffer then return redis.call('ZREM', key, member) == 1 end
  append(buffered('removed', key), member)
  return true
end

local function unlink(key)
  if buffer then append(buffer.unlinked, key) else redis.call('UNLINK', key) end
end

local function flush_buffer()
  local writes = buffer
  buffer = nil
  if #writes.unlinked > 0 then redis.call('UNLINK', unpack(writes.unlinked)) end
  for key, members in pairs(writes.removed) do redis.call('ZREM', key, unpack(members)) end
  for key, members in pairs(writes.scored) do redis.call('ZADD', key, unpack(members)) end
end

-- Updates the counters of an API key, unless it was revoked.
local function write_key_counters(key, amounts)
  local fields, changed = {'digests'}, {}
  for field in pairs(amounts) do append(fields, field) end
  local counts = redis.pcall('HMGET', key, unpack(fields)) -- without entries if the key holds a value of another type
  if not counts[1] then return end
  for nth = 2, #fields do append(changed, fields[nth], integer((counts[nth] or 0) + amounts[fields[nth]])) end
  redis.call('HSET', key, unpack(changed))
end
