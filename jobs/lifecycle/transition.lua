-- The one way a request changes: QUEUED -> PROCESSING -> COMPLETED | FAILED, and QUEUED -> FAILED.
-- One script, so that no crash leaves a move half done, and so that a job costs two round trips: create, and complete
-- with the next claims. RQ's own bookkeeping of a job without work is 57 commands in 10 round trips, 3.7 ms with Redis on
-- loopback.
-- Begins with `settings`. KEYS: the record, where it is known. ARGV: move, request id, arguments as JSON. Times in ms.
-- Answers {'ok', ...} or {reason, ...}: exists, revoked, credits, full, replayed, conflict, missing, terminal,
-- stale, held, exhausted, late, early. Behind it the requests that ended by this move, as JSON, each
-- {id, status, code, ms until it started, ms until it ended, settled or released or '', credits}.

local endings = {}

local function notify(new_status) redis.call('PUBLISH', CHANGES, id .. ' ' .. new_status) end

local function enter(new_status)
  redis.call('HSET', record, 'status', new_status)
  notify(new_status)
end

local function leave_queue(key)
  if remove(WAITING, id) then add_to_key(key, 'waiting', -1) end
end

-- Credits are held from a request's creation to its end: charge goes held -> settled | released, once.
local function hold(key, credits, cost)
  redis.call('HINCRBY', key, 'credits', -cost)
  redis.call('HINCRBY', key, 'held', cost)
  redis.call('HSET', record, 'charge', 'held', 'cost', cost)
  return credits - cost
end

local function settle(key, cost, done)
  local charge = done and 'settled' or 'released'
  redis.call('HSET', record, 'charge', charge)
  add_to_key(key, 'held', -cost)
  add_to_key(key, done and 'spent' or 'credits', cost)
  return charge
end

-- The lease of the latest attempt; after it has ended there is none, and the attempt is still the latest.
local function leased() return redis.call('ZSCORE', LEASES, id) end

local function begin_lease(attempt)
  redis.call('ZADD', LEASES, now + settings.lease, id)
  redis.call('HSET', record, 'worker', args.worker, 'machine', args.machine, 'claimed_at', now)
  redis.call('HSET', MACHINE .. args.machine, id, attempt .. ' ' .. args.process)
end

local function end_lease(ending)
  local kept = redis.call('HMGET', record, 'attempts', 'worker', 'machine', 'claimed_at')
  redis.call('ZREM', LEASES, id)
  redis.call('HDEL', MACHINE .. kept[3], id)
  transport.stop(kept[1], kept[2], ending, ending and now - kept[4])
end

local function averaged(known, new)
  known = tonumber(known or new)
  return string.format('%.3f', known + (new - known) / 20)
end

-- Moving average of the time that a request occupies a worker.
local function update_pace() redis.call('HSET', PACE, 'job', averaged(redis.call('HGET', PACE, 'job'), args.occupied)) end

-- As text, once: Redis formats a number of Lua's slowly, and each time.
local at, expires_at = string.format('%d', now), string.format('%d', now + settings.ttl)

local function finish(new_status, ...)
  local done = new_status == 'COMPLETED'
  local key, ending = API_KEY .. key_id, done and 'finished' or 'failed'
  if not buffer then
    if leased() then end_lease(ending) else transport.remove() end
  end
  transport.finish(ending)
  leave_queue(key)
  remove(DEADLINES, id)
  redis.call('HSET', record, 'status', new_status, 'finished_at', at, 'expires_at', expires_at, ...)
  if new_status == 'FAILED' and redis.call('HSTRLEN', record, 'params') > settings.kept_params then
    redis.call('HSET', record, 'params', '{}') -- a FAILED request costs nothing, and must not fill Redis
  end
  redis.call('PEXPIREAT', record, expires_at)
  if idempotency then redis.call('PEXPIREAT', idempotency, expires_at) end
  local is_held = charge == 'held'
  append(endings, {id, new_status, '', (started_at or now) - created_at, now - created_at,
    is_held and settle(key, cost, done) or '', is_held and cost or 0})
  notify(new_status)
end

local function fail(failure, ...)
  finish('FAILED', 'code', failure.code, 'error', failure.error, ...)
  endings[#endings][3] = failure.code
end

local function attempts_left()
  local kept = redis.call('HMGET', record, 'attempts', 'given_back')
  return settings.max_attempts - kept[1] + (kept[2] or 0)
end

-- Whether all its attempts were given back.
local function is_unattempted() return status == 'QUEUED' or attempts_left() == settings.max_attempts end

local function fail_late()
  if is_unattempted() then return fail(settings.unstarted) end
  local seconds = string.format('%g', redis.call('HGET', record, 'timeout') / 1000)
  fail({code = settings.unfinished.code, error = string.gsub(settings.unfinished.error, '{timeout}', seconds)})
end

local function overdue()
  local deadline = redis.call('ZSCORE', DEADLINES, id)
  return deadline and now >= tonumber(deadline)
end

-- Another attempt after `delay`, or the end with `failure` where no attempt or no time to work is left for one.
local function try_again(delay, failure)
  end_lease()
  local function give_up()
    if failure == settings.unfinished then fail_late() else fail(failure) end
  end
  if attempts_left() <= 0 then
    give_up()
    return {'exhausted'}
  end
  if now + delay >= redis.call('ZSCORE', DEADLINES, id) - settings.grace then
    give_up()
    return {'late'}
  end
  if delay > 0 then transport.delay_until(now + delay) else transport.requeue() end
  return {'ok'}
end

local moves = {}

-- Back-pressure: the limits of the queue, and no more requests than can start before their deadline.
local function check_limits(key)
  local waiting = redis.call('ZCARD', WAITING)
  local mine = tonumber(redis.call('HGET', key, 'waiting') or 0)
  local pace = tonumber(redis.call('HGET', PACE, 'job') or 0) / math.max(1, rq('SCARD', RQ_WORKERS))
  local function refuse(whose, bound, too_many) return {'full', whose, bound, math.ceil(too_many * pace)} end
  if waiting >= args.max_waiting then
    return refuse('all', args.max_waiting, waiting - args.max_waiting + args.max_waiting / 20)
  end
  if mine >= args.max_waiting_per_key then
    return refuse('key', args.max_waiting_per_key, mine - args.max_waiting_per_key + args.max_waiting_per_key / 20)
  end
  local startable = args.start_timeout / pace -- infinite as long as no job has ended
  if waiting + 1 > startable then return refuse('time', math.floor(startable), waiting + 1 - startable) end
end

local function find_replayed(credits)
  if not args.idempotency then return end
  local kept = redis.call('HMGET', args.idempotency, 'request_id', 'fingerprint')
  if not kept[1] or redis.call('EXISTS', REQUEST .. kept[1]) == 0 then return end
  if kept[2] ~= args.fingerprint then return {'conflict', kept[1]} end
  return {'replayed', kept[1], credits or 'unlimited'}
end

function moves.create()
  if status then return {'exists'} end
  local key = API_KEY .. args.key_id
  if redis.call('EXISTS', key) == 0 then return {'revoked'} end
  local credits = redis.call('HGET', key, 'credits')
  local refusal = find_replayed(credits)
  if refusal then return refusal end
  if credits and tonumber(credits) < args.cost then return {'credits', credits} end
  refusal = check_limits(key)
  if refusal then return refusal end
  transport.enqueue()
  redis.call('HSET', record, 'created_at', now, 'attempts', 0, 'key_id', args.key_id, 'params', args.params,
    'timeout', args.timeout)
  if args.traceparent then redis.call('HSET', record, 'traceparent', args.traceparent) end
  if args.idempotency then
    redis.call('HSET', args.idempotency, 'request_id', id, 'fingerprint', args.fingerprint)
    redis.call('HSET', record, 'idempotency', args.idempotency)
  end
  if credits and args.cost > 0 then credits = hold(key, credits, args.cost) end
  redis.call('HINCRBY', key, 'waiting', 1)
  redis.call('ZADD', WAITING, now, id)
  redis.call('ZADD', DEADLINES, now + args.start_timeout, id)
  enter('QUEUED')
  return {'ok', credits or 'unlimited'}
end

local function claimed(attempt)
  local deadline = redis.call('ZSCORE', DEADLINES, id)
  local params, traceparent, given_back = unpack(redis.call('HMGET', record, 'params', 'traceparent', 'given_back'))
  return {'ok', id, attempt, key_id, params, deadline - settings.grace - now, deadline, traceparent or '', now - created_at,
    given_back or 0}
end

-- From here a request may take its `timeout`; it is begun again for one that was given back, while that may still start.
local function begin_clock()
  local kept = redis.call('HMGET', record, 'timeout', 'start_by')
  redis.call('HSET', record, 'started_at', now, 'start_by', kept[2] or redis.call('ZSCORE', DEADLINES, id))
  redis.call('ZADD', DEADLINES, now + kept[1] + settings.grace, id)
end

local function start_by() return is_unattempted() and tonumber(redis.call('HGET', record, 'start_by')) end

-- A lease that has expired ends here.
function moves.claim()
  local lease = leased()
  if lease and now < tonumber(lease) then return {'held'} end
  if lease then end_lease() end
  if overdue() then
    fail_late()
    return {'late'}
  end
  if attempts_left() <= 0 then
    fail(settings.lost)
    return {'exhausted'}
  end
  if status == 'QUEUED' then
    leave_queue(API_KEY .. key_id)
    begin_clock()
    enter('PROCESSING')
  elseif now < (start_by() or 0) then
    begin_clock()
  end
  local attempt = redis.call('HINCRBY', record, 'attempts', 1)
  begin_lease(attempt)
  transport.start(attempt, args.worker, redis.call('ZSCORE', DEADLINES, id))
  return claimed(attempt)
end

local function is_latest() return status == 'PROCESSING' and args.attempt == redis.call('HGET', record, 'attempts') end

local function holds_lease() return is_latest() and leased() end

function moves.renew() redis.call('ZADD', LEASES, now + settings.lease, id) end

function moves.complete()
  if overdue() then
    fail_late()
    return {'late'}
  end
  update_pace()
  local picture = PICTURE .. args.token
  finish('COMPLETED', 'output', args.output, 'metrics', args.metrics)
  redis.call('HSET', picture, 'path', args.path, 'content_type', args.content_type, 'file_size', args.file_size,
    'expires_at', expires_at, 'owner', key_id)
  redis.call('PEXPIREAT', picture, expires_at)
end

function moves.fail()
  update_pace()
  fail(args.failure, 'metrics', args.metrics)
end

-- The worker stopped the attempt because its time was up.
moves.time_out = fail_late

function moves.retry() return try_again(args.delay, args.failure) end

-- Not the request's fault, so the attempt is not counted, nor its time.
function moves.give_back()
  redis.call('HINCRBY', record, 'given_back', 1)
  local deadline = start_by()
  if deadline then redis.call('ZADD', DEADLINES, 'GT', deadline, id) end
  return try_again(0, settings.unfinished)
end

-- The lease has expired, or, where `attempt` is given, its owner's process was seen to be gone.
function moves.reclaim()
  local lease = leased()
  if not lease or args.attempt and not is_latest() then return {'stale'} end
  if not args.attempt and now < tonumber(lease) then return {'early'} end
  return try_again(0, settings.lost)
end

-- Asked for by the API key's owner. Answers the status before, and the worker that had it.
function moves.cancel()
  local worker = leased() and redis.call('HGET', record, 'worker') or ''
  local before = status
  fail(args.failure)
  return {'ok', before, worker}
end

function moves.expire()
  if not overdue() then return {'early'} end
  fail_late()
end

-- The delay before another attempt is over.
function moves.promote()
  if rq('ZREM', RQ_SCHEDULED, id) == 0 or leased() then return {'stale'} end
  transport.requeue()
end

local REQUIRED = {complete = is_latest, fail = is_latest, time_out = is_latest, renew = holds_lease, retry = holds_lease,
  give_back = holds_lease}

local function answer()
  if move == 'create' then return moves.create() end
  if not status then
    transport.drop()
    for _, kept in ipairs({WAITING, DEADLINES, LEASES}) do redis.call('ZREM', kept, id) end
    return {'missing'}
  end
  if TERMINAL[status] then
    transport.drop()
    return {'terminal'}
  end
  if REQUIRED[move] and not REQUIRED[move]() then return {'stale'} end
  return moves[move]() or {'ok'}
end
