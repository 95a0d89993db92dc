-- Deletes an ended request with its event and every reference to it. ARGV: the request id.
-- Returns 'ok' or a reason: missing, unfinished.
id = ARGV[1]
record = REQUEST .. id
local status, key_id, custom_id, output, idempotency = unpack(redis.call('HMGET', record, 'status', 'key_id', 'custom_id',
  'output', 'idempotency'))
if not status then return 'missing' end
if not TERMINAL[status] then return 'unfinished' end
local keys = {record, RQ_JOB .. id}
if output then keys[#keys + 1] = PICTURE .. cjson.decode(output).token end
if idempotency and redis.call('HGET', idempotency, 'request_id') == id then keys[#keys + 1] = idempotency end
redis.call('UNLINK', unpack(keys))
for _, list in ipairs(lists_of(key_id, custom_id)) do redis.call('ZREM', list, id) end
forget_event(id)
for _, registry in ipairs({RQ_FINISHED, RQ_FAILED}) do rq('ZREM', registry, id) end
return 'ok'
