-- Has some requests of an accepted batch enter the queue, those that are next. ARGV: the batch's id, how many at most.
-- Answers how many are left.
local batch_id, batch = ARGV[1], BATCH .. ARGV[1]
local key_id, entered, total, created_at, start_by, timeout, life, cost, stamp, cancelled = unpack(redis.call('HMGET', batch,
  'key_id', 'entered', 'total', 'created_at', 'start_by', 'timeout', 'life', 'cost', 'stamp', 'cancelled'))
local left = total and total - entered or 0
if left == 0 then return 0 end
local entries = redis.call('LRANGE', BATCH_REQUESTS .. batch_id, entered, entered + ARGV[2] - 1)

local first_us = clock[1] * 1000000 + clock[2] -- this call takes longer than one us for each
local ids, listed, deadlines = {}, {}, {}
local accepted = accepted_fields(created_at, cost, cost)
for nth, entry in ipairs(entries) do
  local request, custom_id = string.sub(entry, 1, 36), string.sub(entry, 38)
  redis.call('HSET', REQUEST .. request, unpack(accepted))
  ids[nth], listed[2 * nth - 1], listed[2 * nth] = request, whole(first_us + nth - 1), request
  deadlines[2 * nth - 1], deadlines[2 * nth] = start_by, request
  if custom_id ~= '' then
    local of_custom_id = lists_of(key_id, custom_id)[2]
    list_for(of_custom_id, tonumber(life), {listed[2 * nth - 1], request})
    drop_expired(of_custom_id, 1, REQUEST)
  end
end
local key = API_KEY .. key_id
local digests, entering, weight = unpack(redis.call('HMGET', key, 'digests', 'entering', 'weight'))
enqueue(key_id, tonumber(weight or 1), ids, stamp, tonumber(timeout))
redis.call('ZADD', DEADLINES, unpack(deadlines))
local list = lists_of(key_id)[1]
list_for(list, tonumber(life), listed)
drop_expired(list, #ids, REQUEST)

left = left - #ids
redis.call('HSET', batch, 'entered', whole(total - left))
redis.call('DECRBY', ENTERING, #ids)
if digests then redis.call('HSET', key, 'entering', whole(math.max(0, (entering or 0) - #ids))) end -- it was not revoked
local is_idle = left == 0 and not cancelled
redis.call('ZADD', OPEN_BATCHES, is_idle and whole(start_by + timeout + OVERDUE_AFTER) or whole(now + LEFT_FOR), batch_id)
return left
