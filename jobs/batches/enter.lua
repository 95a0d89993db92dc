-- Queues the next requests of an accepted batch. ARGV: the batch id, the maximum number to queue.
-- Returns the number of requests that have not entered the queue.
local batch_id, batch = ARGV[1], BATCH .. ARGV[1]
local key_id, entered, total, created_at, start_by, timeout, life, cost, stamp, cancelled = unpack(redis.call('HMGET', batch,
  'key_id', 'entered', 'total', 'created_at', 'start_by', 'timeout', 'life', 'cost', 'stamp', 'cancelled'))
local remaining = total and total - entered or 0
if remaining == 0 then return 0 end
local entries = redis.call('LRANGE', BATCH_REQUESTS .. batch_id, entered, entered + ARGV[2] - 1)

local first_us = clock[1] * 1000000 + clock[2] -- this call takes more than 1 us for each request
local ids, listed, deadlines = {}, {}, {}
local accepted = accepted_fields(created_at, cost, cost)
for nth, entry in ipairs(entries) do
  local request_id, custom_id = string.sub(entry, 1, 36), string.sub(entry, 38)
  redis.call('HSET', REQUEST .. request_id, unpack(accepted))
  ids[nth], listed[2 * nth - 1], listed[2 * nth] = request_id, integer(first_us + nth - 1), request_id
  deadlines[2 * nth - 1], deadlines[2 * nth] = start_by, request_id
  if custom_id ~= '' then
    local custom_id_list = lists_of(key_id, custom_id)[2]
    add_to_list(custom_id_list, tonumber(life), {listed[2 * nth - 1], request_id})
    drop_expired(custom_id_list, 1, REQUEST)
  end
end
local key = API_KEY .. key_id
local digests, entering, weight = unpack(redis.call('HMGET', key, 'digests', 'entering', 'weight'))
enqueue(key_id, tonumber(weight or 1), ids, stamp, tonumber(timeout))
redis.call('ZADD', DEADLINES, unpack(deadlines))
local key_list = lists_of(key_id)[1]
add_to_list(key_list, tonumber(life), listed)
drop_expired(key_list, #ids, REQUEST)

remaining = remaining - #ids
redis.call('HSET', batch, 'entered', integer(total - remaining))
redis.call('DECRBY', ENTERING, #ids)
if digests then redis.call('HSET', key, 'entering', integer(math.max(0, (entering or 0) - #ids))) end -- the key is not revoked
local is_done = remaining == 0 and not cancelled
redis.call('ZADD', OPEN_BATCHES, is_done and integer(start_by + timeout + OVERDUE_AFTER) or integer(now + IDLE_FOR), batch_id)
return remaining
