-- What a request's record says.
local kept = {}

-- Nothing where another type of value has its name.
local function load_request(request, ...)
  id, record, kept = request, REQUEST .. request, {}
  local values = redis.pcall('HMGET', record, 'status', 'created_at', 'started_at', 'key_id', 'charge', 'cost',
    'idempotency', 'attempts', 'given_back', 'worker', 'machine', 'claimed_at', 'timeout', 'start_by', 'custom_id', 'webhook',
    'batch', ...)
  kept.status, kept.created_at, kept.started_at, kept.key_id, kept.charge, kept.cost, kept.idempotency, kept.attempts,
    kept.given_back, kept.worker, kept.machine, kept.claimed_at, kept.timeout, kept.start_by, kept.custom_id, kept.webhook,
    kept.batch, kept.params, kept.traceparent = unpack(values)
  return kept.status
end

-- What many moves change is written once, at the end of the call: most of what a write costs is its line in the
-- append-only file. A sweep, whose moves are alike, has a buffer for more.
local buffer
local of_keys, of_workers = {}, {}

local function append(list, ...)
  for _, value in ipairs({...}) do list[#list + 1] = value end
end

-- Adds to counters of what has a table of them.
local function add(all, name, field, amount)
  all[name] = all[name] or {}
  all[name][field] = (all[name][field] or 0) + (amount or 0)
end

local function buffered(kind, key)
  buffer[kind][key] = buffer[kind][key] or {}
  return buffer[kind][key]
end

-- Whether it was a member, as far as that is known now.
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

-- Of an API key, unless it was revoked.
local function write_counters(key, amounts)
  local fields, changed = {'digests'}, {}
  for field in pairs(amounts) do append(fields, field) end
  local counts = redis.pcall('HMGET', key, unpack(fields)) -- nothing where another type of value has its name
  if not counts[1] then return end
  for nth = 2, #fields do append(changed, fields[nth], whole((counts[nth] or 0) + amounts[fields[nth]])) end
  redis.call('HSET', key, unpack(changed))
end
