-- What every way to make requests has in common: what refuses them, what they hold, their records, their jobs.
-- `args` says what is asked for.

local function find_replayed(credits)
  local request, batch, fingerprint = unpack(redis.call('HMGET', args.idempotency, 'request_id', 'batch_id', 'fingerprint'))
  local first = request and REQUEST .. request or batch and BATCH .. batch
  if not first or redis.call('EXISTS', first) == 0 then return end
  if fingerprint ~= args.fingerprint then return {'conflict', request or batch} end
  return {'replayed', request or batch, credits or 'unlimited'}
end

-- Back-pressure: the limits of the queue, and no more requests than can start before their deadline.
local function check_limits(has, count)
  local waiting = redis.call('ZCARD', WAITING) + (redis.call('GET', ENTERING) or 0)
  local mine = redis.call('ZCARD', LINE .. args.key_id) + has.entering
  local pace = tonumber(redis.call('HGET', PACE, 'job') or 0) / math.max(1, rq('SCARD', RQ_WORKERS))
  local function refuse(whose, bound, too_many) return {'full', whose, bound, math.ceil(too_many * pace)} end
  local function check(whose, waits, bound)
    if waits + count > bound then return refuse(whose, bound, waits + count - 1 - bound + bound / 20) end
  end
  local refused = check('all', waiting, args.max_waiting) or check('key', mine, args.max_waiting_per_key)
  if refused then return refused end
  local startable = args.start_timeout / pace -- infinite as long as no job has ended
  if waiting + count > startable then
    local before = turns_before(args.key_id, has.weight, has.entering + count)
    if before + 1 > startable then return refuse('time', math.floor(startable), before + 1 - startable) end
  end
end

local function check_events(key)
  local events = args.events or args.webhook and 1 or 0
  if events > 0 and tonumber(redis.call('HGET', key, 'undelivered') or 0) + events > args.max_undelivered then
    return {'full', 'events', args.max_undelivered, 60000}
  end
end

-- Whether `count` more requests of the key may be made now. Answers why not, or nothing and what the key has.
local function refusal(key, count)
  local digests, credits, held, entering, weight = unpack(redis.call('HMGET', key, 'digests', 'credits', 'held', 'entering',
    'weight'))
  if not digests then return {'revoked'} end
  local has = {credits = credits, held = held or 0, entering = tonumber(entering or 0), weight = tonumber(weight or 1)}
  return args.idempotency and find_replayed(credits)
    or credits and tonumber(credits) < count * args.cost and {'credits', credits}
    or check_limits(has, count)
    or check_events(key), has
end

-- Takes the credits of `count` requests, and sets further fields of the key. Answers the credits that are left.
local function hold(key, has, count, ...)
  local fields, cost = {...}, count * args.cost
  if has.credits and cost > 0 then
    has.credits = whole(has.credits - cost)
    fields = {'credits', has.credits, 'held', whole(has.held + cost), ...}
  end
  if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
  return has.credits or 'unlimited'
end

-- A webhook as a record keeps it.
local function with_generation(key, webhook)
  webhook.generation = tonumber(redis.call('HGET', key, 'webhook_generation') or 0)
  return cjson.encode(webhook)
end

-- Of a record: what is known of a request before it is accepted. `said` is what it alone says.
local function asked_fields(key, said, params)
  local fields = {'attempts', '0', 'key_id', args.key_id, 'params', params, 'timeout', whole(args.timeout)}
  local function add(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
  if args.traceparent then add('traceparent', args.traceparent) end
  if said.custom_id then add('custom_id', said.custom_id) end
  if said.inputs then add('inputs', said.inputs) end
  if said.webhook then add('webhook', with_generation(key, said.webhook)) end
  return fields
end

-- Of a record: that it is accepted. `charged`: whether it holds credits.
local function accepted_fields(created_at, charged, cost)
  local fields = {'status', 'QUEUED', 'created_at', created_at}
  if charged then fields[5], fields[6], fields[7], fields[8] = 'charge', 'held', 'cost', whole(cost) end
  return fields
end

-- Queues the jobs of requests, one behind another.
local function enqueue(key_id, weight, ids, stamp, timeout)
  local origin, seconds = QUEUE .. ':' .. key_id, whole(math.max(1, timeout / 1000 + 0.5))
  for _, request in ipairs(ids) do
    rq('HSET', RQ_JOB .. request, 'created_at', stamp, 'enqueued_at', stamp, 'origin', origin, 'timeout', seconds,
      unpack(RQ_FIELDS))
  end
  join_line(key_id, weight, ids)
end
