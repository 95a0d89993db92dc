-- The state machine of requests: QUEUED -> PROCESSING -> COMPLETED | FAILED, and QUEUED -> FAILED. Nothing else changes a
-- request after its creation. One script, so that no crash leaves a move half done, and a worker can report a result and
-- claim its next requests in one call. RQ's own bookkeeping of an empty job takes 57 commands in 10 round trips, 3.7 ms
-- with Redis on loopback.
-- ARGV: for each move its name, the request id or '', arguments as JSON. Times are in ms.
-- Returns for each move {'ok', ...} or {reason, ...}: missing, terminal, stale, held, exhausted, late, early, cancelled.
-- Then, as JSON, the requests that the move ended, each as
-- {id, status, code, ms until it started, ms until it ended, settled or released or '', credits, custom_id or ''}.

local endings

local function notify(status) redis.call('PUBLISH', CHANGES, id .. ' ' .. status) end

-- The expiry of the latest attempt's lease; false once the lease has ended.
local function lease_expiry() return redis.call('ZSCORE', LEASES, id) end

local function deadline() return redis.call('ZSCORE', DEADLINES, id) end

-- Returns whether there was a lease. `ending` is nil unless the attempt ended the request.
local function end_lease(ending)
  if redis.call('ZREM', LEASES, id) == 0 then return false end
  redis.call('HDEL', MACHINE .. stored.machine, id)
  transport.stop(ending, ending and now - stored.claimed_at)
  return true
end

-- Moving average of the time that a request occupies a worker.
local function update_pace()
  local average = tonumber(redis.call('HGET', PACE, 'job') or args.occupied)
  redis.call('HSET', PACE, 'job', string.format('%.3f', average + (args.occupied - average) / 20))
end

-- `turn` is the turn that a claim takes. APIs of older versions put requests in no queue of their key, and counted them.
local function leave_queue(turn)
  if remove(WAITING, id) and not leave_key_queue(stored.key_id, id, turn) then
    add_to_counter(key_counters, API_KEY .. stored.key_id, 'waiting', -1)
  end
end

local function write_own_event(status, fields)
  local webhook, ending = cjson.decode(stored.webhook), string.lower(status)
  if not webhook[ending] then return end
  stored.traceparent = redis.call('HGET', record, 'traceparent')
  for _, field in ipairs({'created_at', 'started_at', 'custom_id', 'traceparent'}) do
    if stored[field] then append(fields, field, stored[field]) end
  end
  write_event(id, stored.key_id, ending, webhook, fields)
end

local function count_in_batch(from, to)
  if not stored.batch then return end
  add_to_counter(batch_counts, stored.batch, string.lower(from), -1)
  add_to_counter(batch_counts, stored.batch, string.lower(to), 1)
end

-- Credits are held from creation to the end of a request: its charge goes from held to settled or released, once.
local function finish(status, ...)
  local done = status == 'COMPLETED'
  local ending, expires_at = done and 'finished' or 'failed', integer(now + TTL)
  local was_leased = not buffer and end_lease(ending)
  if not (buffer or was_leased) then transport.remove() end
  transport.finish(ending)
  if stored.status == 'QUEUED' then leave_queue() elseif not was_leased then leave_key_queue(stored.key_id, id) end
  remove(DEADLINES, id)
  count_in_batch(stored.status, status)
  local fields = {'status', status, 'finished_at', now_text, 'expires_at', expires_at, ...}
  if stored.webhook then write_own_event(status, {unpack(fields)}) end
  local key, charge = API_KEY .. stored.key_id, stored.charge == 'held' and (done and 'settled' or 'released')
  if charge then
    append(fields, 'charge', charge)
    add_to_counter(key_counters, key, 'held', -stored.cost)
    add_to_counter(key_counters, key, done and 'spent' or 'credits', stored.cost)
  end
  if not done and redis.call('HSTRLEN', record, 'params') > MAX_FAILED_PARAMS then
    append(fields, 'params', '{}') -- a FAILED request is free, so it must not fill Redis
  end
  redis.call('HSET', record, unpack(fields))
  redis.call('PEXPIREAT', record, expires_at)
  if stored.idempotency then redis.call('PEXPIREAT', stored.idempotency, expires_at) end
  add_to_lists(stored.key_id, stored.custom_id, integer(stored.created_at * 1000), TTL) -- after hours without workers its lists have expired
  append(endings, {id, status, '', (stored.started_at or now) - stored.created_at, now - stored.created_at,
    charge or '', charge and stored.cost or 0, stored.custom_id or ''})
  notify(status)
  return expires_at
end

local function fail(code, error, ...)
  finish('FAILED', 'code', code, 'error', error, ...)
  endings[#endings][3] = code
end

local function attempts_left() return MAX_ATTEMPTS - stored.attempts + (stored.given_back or 0) end

-- Whether no attempt counts: there was none, or all were given back.
local function is_unattempted() return stored.status == 'QUEUED' or attempts_left() == MAX_ATTEMPTS end

local function fail_late()
  if is_unattempted() then return fail(TIMEOUT, UNSTARTED) end
  fail(TIMEOUT, (string.gsub(UNFINISHED, '{timeout}', string.format('%g', stored.timeout / 1000))))
end

local function is_overdue(time) return time and now >= tonumber(time) end

-- Requeues the request, after `delay`. If no attempt or no time remains, it fails instead: with this code and error, or
-- without them as timed out.
local function try_again(delay, code, error)
  end_lease()
  local reason = attempts_left() <= 0 and 'exhausted' or now + delay >= deadline() - GRACE and 'late'
  if reason then
    if code then fail(code, error) else fail_late() end
    return {reason}
  end
  if delay > 0 then transport.delay_until(now + delay) else transport.requeue() end
end

local moves = {}

local function claim_reply(attempt, until_ms)
  return {'ok', id, attempt, stored.key_id, stored.params, until_ms - GRACE - now, until_ms, stored.traceparent or '', now - stored.created_at,
    stored.given_back or 0, stored.custom_id or ''}
end

local function start_by() return is_unattempted() and tonumber(stored.start_by) end

-- Also ends a lease that has expired. `turn` is the turn that the claim takes, if the request is in the queue of its key.
function moves.claim(turn)
  local is_queued, until_ms = stored.status == 'QUEUED', deadline()
  local lease = not is_queued and lease_expiry()
  if lease and now < tonumber(lease) then return {'held'} end
  if lease then end_lease() end
  if is_overdue(until_ms) then
    fail_late()
    return {'late'}
  end
  if attempts_left() <= 0 then
    fail(WORKER_LOST, LOST)
    return {'exhausted'}
  end
  if is_queued and stored.batch and redis.pcall('HEXISTS', BATCH .. stored.batch, 'cancelled') == 1 then
    fail(CANCELLED, BY_OWNER)
    return {'cancelled'}
  end
  local attempt = integer(stored.attempts + 1)
  local fields = {'attempts', attempt, 'worker', args.worker, 'machine', args.machine, 'claimed_at', now_text}
  if is_queued then leave_queue(turn) elseif turn then leave_key_queue(stored.key_id, id, turn) end
  -- The `timeout` of a request begins now, also if earlier attempts were given back and its start deadline has not passed.
  if is_queued or now < (start_by() or 0) then
    append(fields, 'started_at', now_text, 'start_by', stored.start_by or until_ms)
    until_ms = integer(now + stored.timeout + GRACE)
    redis.call('ZADD', DEADLINES, until_ms, id)
  end
  if is_queued then
    append(fields, 'status', 'PROCESSING')
    count_in_batch('QUEUED', 'PROCESSING')
  end
  redis.call('HSET', record, unpack(fields))
  redis.call('ZADD', LEASES, integer(now + LEASE), id)
  redis.call('HSET', MACHINE .. args.machine, id, attempt .. ' ' .. args.process)
  transport.start(attempt, until_ms)
  if is_queued then notify('PROCESSING') end
  return claim_reply(attempt, until_ms)
end

local function is_latest() return stored.status == 'PROCESSING' and args.attempt == stored.attempts end

local function holds_lease() return is_latest() and lease_expiry() end

function moves.renew() redis.call('ZADD', LEASES, now + LEASE, id) end

function moves.complete()
  if is_overdue(deadline()) then
    fail_late()
    return {'late'}
  end
  update_pace()
  local picture = PICTURE .. args.token
  local expires_at = finish('COMPLETED', 'output', args.output, 'metrics', args.metrics)
  redis.call('HSET', picture, 'path', args.path, 'content_type', args.content_type, 'file_size', args.file_size,
    'expires_at', expires_at, 'owner', stored.key_id)
  redis.call('PEXPIREAT', picture, expires_at)
end

function moves.fail()
  update_pace()
  fail(args.code, args.error, 'metrics', args.metrics)
end

-- The worker stopped the attempt at its deadline.
moves.time_out = fail_late

function moves.retry() return try_again(args.delay, args.code, args.error) end

-- The attempt did not fail because of the request, so neither it nor its time counts.
function moves.give_back()
  stored.given_back = redis.call('HINCRBY', record, 'given_back', 1)
  local until_ms = start_by()
  if until_ms then redis.call('ZADD', DEADLINES, 'GT', until_ms, id) end
  return try_again(0)
end

-- The lease has expired or, if `attempt` is given, the process of its owner is gone.
function moves.reclaim()
  local lease = lease_expiry()
  if not lease or args.attempt and not is_latest() then return {'stale'} end
  if not args.attempt and now < tonumber(lease) then return {'early'} end
  return try_again(0, WORKER_LOST, LOST)
end

-- Returns the previous status, and the worker that processed the request.
function moves.cancel()
  local worker = lease_expiry() and stored.worker or ''
  fail(args.code, args.error)
  return {'ok', stored.status, worker}
end

function moves.expire()
  if not is_overdue(deadline()) then return {'early'} end
  fail_late()
end

-- The delay before the next attempt has passed.
function moves.promote()
  if rq('ZREM', RQ_SCHEDULED, id) == 0 or lease_expiry() then return {'stale'} end
  transport.requeue_in_turn()
end

local REQUIRED = {complete = is_latest, fail = is_latest, time_out = is_latest, renew = holds_lease, retry = holds_lease,
  give_back = holds_lease}

local function run_move(...)
  if not stored.status then
    transport.drop()
    for _, key in ipairs({WAITING, DEADLINES, LEASES}) do redis.call('ZREM', key, id) end
    return {'missing'}
  end
  if TERMINAL[stored.status] then
    transport.drop()
    return {'terminal'}
  end
  if REQUIRED[move] and not REQUIRED[move]() then return {'stale'} end
  return moves[move](...) or {'ok'}
end
