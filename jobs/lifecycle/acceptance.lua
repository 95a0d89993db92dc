-- Shared by all scripts that create requests: what refuses requests, the credits they hold, their records and their jobs.
-- `args` are the arguments of the script.

local function find_earlier(credits)
  local request_id, batch_id, fingerprint = unpack(redis.call('HMGET', args.idempotency, 'request_id', 'batch_id', 'fingerprint'))
  local record = request_id and REQUEST .. request_id or batch_id and BATCH .. batch_id
  if not record or redis.call('EXISTS', record) == 0 then return end
  if fingerprint ~= args.fingerprint then return {'conflict', request_id or batch_id} end
  return {'replayed', request_id or batch_id, credits or 'unlimited'}
end

-- Back-pressure: the limits of the queue, and no more requests than can start before their deadline.
local function check_limits(account, count)
  local waiting = redis.call('ZCARD', WAITING) + (redis.call('GET', ENTERING) or 0)
  local waiting_of_key = redis.call('ZCARD', KEY_QUEUE .. args.key_id) + account.entering
  local pace = tonumber(redis.call('HGET', PACE, 'job') or 0) / math.max(1, rq('SCARD', RQ_WORKERS))
  local function refuse(scope, limit, excess) return {'full', scope, limit, math.ceil(excess * pace)} end
  local function check(scope, queued, limit)
    if queued + count > limit then return refuse(scope, limit, queued + count - 1 - limit + limit / 20) end
  end
  local refused = check('all', waiting, args.max_waiting) or check('key', waiting_of_key, args.max_waiting_per_key)
  if refused then return refused end
  local startable = args.start_timeout / pace -- infinite until a job has ended
  if waiting + count > startable then
    local before = turns_before(args.key_id, account.weight, account.entering + count)
    if before + 1 > startable then return refuse('time', math.floor(startable), before + 1 - startable) end
  end
end

local function check_events(key)
  local events = args.events or args.webhook and 1 or 0
  if events > 0 and tonumber(redis.call('HGET', key, 'undelivered') or 0) + events > args.max_undelivered then
    return {'full', 'events', args.max_undelivered, 60000}
  end
end

-- Checks whether `count` more requests of the key may be created now. Returns the refusal, or nil and the key's account.
local function refusal(key, count)
  local digests, credits, held, entering, weight = unpack(redis.call('HMGET', key, 'digests', 'credits', 'held', 'entering',
    'weight'))
  if not digests then return {'revoked'} end
  local account = {credits = credits, held = held or 0, entering = tonumber(entering or 0), weight = tonumber(weight or 1)}
  return args.idempotency and find_earlier(credits)
    or credits and tonumber(credits) < count * args.cost and {'credits', credits}
    or check_limits(account, count)
    or check_events(key), account
end

-- Holds the credits of `count` requests, and sets further fields of the key. Returns the remaining credits.
local function hold_credits(key, account, count, ...)
  local fields, cost = {...}, count * args.cost
  if account.credits and cost > 0 then
    account.credits = integer(account.credits - cost)
    fields = {'credits', account.credits, 'held', integer(account.held + cost), ...}
  end
  if #fields > 0 then redis.call('HSET', key, unpack(fields)) end
  return account.credits or 'unlimited'
end

-- A webhook as a record stores it.
local function with_generation(key, webhook)
  webhook.generation = tonumber(redis.call('HGET', key, 'webhook_generation') or 0)
  return cjson.encode(webhook)
end

-- The fields of a record that are known before the request is accepted. `options` are those of this request alone.
local function submitted_fields(key, options, params)
  local fields = {'attempts', '0', 'key_id', args.key_id, 'params', params, 'timeout', integer(args.timeout)}
  if args.traceparent then append(fields, 'traceparent', args.traceparent) end
  if options.custom_id then append(fields, 'custom_id', options.custom_id) end
  if options.inputs then append(fields, 'inputs', options.inputs) end
  if options.webhook then append(fields, 'webhook', with_generation(key, options.webhook)) end
  return fields
end

-- The fields of a record that make the request accepted. `charged`: whether it holds credits.
local function accepted_fields(created_at, charged, cost)
  local fields = {'status', 'QUEUED', 'created_at', created_at}
  if charged then append(fields, 'charge', 'held', 'cost', integer(cost)) end
  return fields
end

-- Queues the jobs of requests, in this order.
local function enqueue(key_id, weight, ids, stamp, timeout)
  local origin, seconds = QUEUE .. ':' .. key_id, integer(math.max(1, timeout / 1000 + 0.5))
  for _, request_id in ipairs(ids) do
    rq('HSET', RQ_JOB .. request_id, 'created_at', stamp, 'enqueued_at', stamp, 'origin', origin, 'timeout', seconds,
      unpack(RQ_FIELDS))
  end
  append_to_key_queue(key_id, weight, ids)
end
