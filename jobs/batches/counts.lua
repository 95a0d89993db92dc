-- Counts the requests of batches by status; a batch ends with its last request.
local batch_counts = {}

local function end_batch(batch_id)
  local batch, expires_at = BATCH .. batch_id, integer(now + TTL)
  local key_id, created_at, archive, idempotency, webhook = unpack(redis.call('HMGET', batch, 'key_id', 'created_at',
    'archive', 'idempotency', 'webhook'))
  redis.call('HSET', batch, 'finished_at', now_text, 'expires_at', expires_at)
  for _, key in ipairs({batch, BATCH_REQUESTS .. batch_id, ARCHIVE .. archive, idempotency or nil}) do
    redis.call('PEXPIREAT', key, expires_at)
  end
  add_to_list(BATCHES .. key_id, TTL, {integer(created_at * 1000), batch_id})
  redis.call('ZREM', OPEN_BATCHES, batch_id)
  redis.call('PUBLISH', CHANGES, batch_id .. ' COMPLETED')
  if webhook then
    local fields, names = {'status', 'COMPLETED'}, {'created_at', 'finished_at', 'expires_at', 'total', 'completed', 'failed',
      'cancelled', 'archive', 'traceparent'}
    for nth, value in ipairs(redis.call('HMGET', batch, unpack(names))) do
      if value then append(fields, names[nth], value) end
    end
    write_event(batch_id, key_id, 'completed', cjson.decode(webhook), fields)
  end
end

local function write_counts(batch_id, amounts)
  local batch = BATCH .. batch_id
  local states = {'queued', 'processing', 'completed', 'failed'}
  local counts = redis.pcall('HMGET', batch, unpack(states))
  if not counts[1] then return end -- the batch has expired, or its key holds a value of another type
  for nth, state in ipairs(states) do counts[nth] = integer(counts[nth] + (amounts[state] or 0)) end
  redis.call('HSET', batch, 'queued', counts[1], 'processing', counts[2], 'completed', counts[3], 'failed', counts[4])
  if counts[1] == '0' and counts[2] == '0' then end_batch(batch_id) end
end
