-- Creates a request: its record, the credits it holds, its job in the queue; all or nothing.
-- ARGV: its id, arguments as JSON, its parameters as JSON, which are kept as they are. Answers {'ok' or 'replayed', ..., credits left}, or a reason: exists, revoked, conflict,
-- credits, full.

id, args = ARGV[1], cjson.decode(ARGV[2])
record = REQUEST .. id
local key = API_KEY .. args.key_id

local function find_replayed(credits)
  local kept = redis.call('HMGET', args.idempotency, 'request_id', 'fingerprint')
  if not kept[1] or redis.call('EXISTS', REQUEST .. kept[1]) == 0 then return end
  if kept[2] ~= args.fingerprint then return {'conflict', kept[1]} end
  return {'replayed', kept[1], credits or 'unlimited'}
end

-- Back-pressure: the limits of the queue, and no more requests than can start before their deadline.
local function check_limits(weight)
  local waiting, mine = redis.call('ZCARD', WAITING), redis.call('ZCARD', LINE .. args.key_id)
  local pace = tonumber(redis.call('HGET', PACE, 'job') or 0) / math.max(1, rq('SCARD', RQ_WORKERS))
  local function refuse(whose, bound, too_many) return {'full', whose, bound, math.ceil(too_many * pace)} end
  if waiting >= args.max_waiting then
    return refuse('all', args.max_waiting, waiting - args.max_waiting + args.max_waiting / 20)
  end
  if mine >= args.max_waiting_per_key then
    return refuse('key', args.max_waiting_per_key, mine - args.max_waiting_per_key + args.max_waiting_per_key / 20)
  end
  local startable = args.start_timeout / pace -- infinite as long as no job has ended
  if waiting + 1 > startable then
    local before = turns_before(args.key_id, weight)
    if before + 1 > startable then return refuse('time', math.floor(startable), before + 1 - startable) end
  end
end

local function enqueue(weight)
  rq('HSET', RQ_JOB .. id, 'created_at', args.stamp, 'enqueued_at', args.stamp, 'origin', QUEUE .. ':' .. args.key_id,
    'timeout', whole(math.max(1, args.timeout / 1000 + 0.5)), unpack(RQ_FIELDS))
  join_line(args.key_id, weight, {id})
end

local function create()
  if redis.call('EXISTS', record) == 1 then return {'exists'} end
  local digests, credits, held, weight = unpack(redis.call('HMGET', key, 'digests', 'credits', 'held', 'weight'))
  if not digests then return {'revoked'} end
  local refusal = args.idempotency and find_replayed(credits)
  if refusal then return refusal end
  if credits and tonumber(credits) < args.cost then return {'credits', credits} end
  weight = tonumber(weight or 1)
  refusal = check_limits(weight)
  if refusal then return refusal end
  if args.webhook and tonumber(redis.call('HGET', key, 'undelivered') or 0) >= args.max_undelivered then
    return {'full', 'events', args.max_undelivered, 60000}
  end
  enqueue(weight)
  local fields = {'status', 'QUEUED', 'created_at', at, 'attempts', '0', 'key_id', args.key_id, 'params', ARGV[3],
    'timeout', whole(args.timeout)}
  local function add(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
  if credits and args.cost > 0 then
    credits = whole(credits - args.cost)
    redis.call('HSET', key, 'credits', credits, 'held', whole((held or 0) + args.cost))
    add('charge', 'held')
    add('cost', whole(args.cost))
  end
  if args.traceparent then add('traceparent', args.traceparent) end
  if args.custom_id then add('custom_id', args.custom_id) end
  if args.inputs then add('inputs', args.inputs) end
  if args.webhook then
    args.webhook.generation = tonumber(redis.call('HGET', key, 'webhook_generation') or 0)
    add('webhook', cjson.encode(args.webhook))
  end
  if args.idempotency then
    redis.call('HSET', args.idempotency, 'request_id', id, 'fingerprint', args.fingerprint)
    add('idempotency', args.idempotency)
  end
  redis.call('HSET', record, unpack(fields))
  enlist(args.key_id, args.custom_id, whole(clock[1] * 1000000 + clock[2]), args.life)
  drop_expired(args.key_id, args.custom_id)
  redis.call('ZADD', DEADLINES, whole(now + args.start_timeout), id)
  return {'ok', credits or 'unlimited'}
end

return create()
