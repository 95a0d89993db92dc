-- The one way a request changes once it was created: QUEUED -> PROCESSING -> COMPLETED | FAILED, and QUEUED -> FAILED.
-- One script, so that no crash leaves a move half done, and one call for all that a worker says at a time: complete, and
-- the next claims. RQ's own bookkeeping of a job without work is 57 commands in 10 round trips, 3.7 ms with Redis on
-- loopback.
-- ARGV: for each move its name, the request's id or '', arguments as JSON. Times in ms.
-- Answers for each {'ok', ...} or {reason, ...}: missing, terminal, stale, held, exhausted, late, early, cancelled. Behind it the
-- requests that ended by this move, as JSON, each
-- {id, status, code, ms until it started, ms until it ended, settled or released or '', credits, its custom_id or ''}.

local endings

local function notify(status) redis.call('PUBLISH', CHANGES, id .. ' ' .. status) end

-- The lease of the latest attempt; after it has ended there is none, and the attempt is still the latest.
local function leased() return redis.call('ZSCORE', LEASES, id) end

local function deadline() return redis.call('ZSCORE', DEADLINES, id) end

-- Whether there was one.
local function end_lease(ending)
  if redis.call('ZREM', LEASES, id) == 0 then return false end
  redis.call('HDEL', MACHINE .. kept.machine, id)
  transport.stop(ending, ending and now - kept.claimed_at)
  return true
end

-- Moving average of the time that a request occupies a worker.
local function update_pace()
  local known = tonumber(redis.call('HGET', PACE, 'job') or args.occupied)
  redis.call('HSET', PACE, 'job', string.format('%.3f', known + (args.occupied - known) / 20))
end

-- A claim takes a turn. An API of a former version put its requests in no line, and counted them.
local function leave_queue(turn)
  if remove(WAITING, id) and not leave_line(kept.key_id, id, turn) then
    add(of_keys, API_KEY .. kept.key_id, 'waiting', -1)
  end
end

local function write_own_event(status, fields)
  local webhook, ending = cjson.decode(kept.webhook), string.lower(status)
  if not webhook[ending] then return end
  kept.traceparent = redis.call('HGET', record, 'traceparent')
  for _, field in ipairs({'created_at', 'started_at', 'custom_id', 'traceparent'}) do
    if kept[field] then append(fields, field, kept[field]) end
  end
  write_event(id, kept.key_id, ending, webhook, fields)
end

-- In its batch, if it is of one.
local function count(from, to)
  if not kept.batch then return end
  add(of_batches, kept.batch, string.lower(from), -1)
  add(of_batches, kept.batch, string.lower(to), 1)
end

-- Credits are held from a request's creation to its end: charge goes held -> settled | released, once.
local function finish(status, ...)
  local done = status == 'COMPLETED'
  local ending, expires_at = done and 'finished' or 'failed', whole(now + TTL)
  local was_leased = not buffer and end_lease(ending)
  if not (buffer or was_leased) then transport.remove() end
  transport.finish(ending)
  if kept.status == 'QUEUED' then leave_queue() elseif not was_leased then leave_line(kept.key_id, id) end
  remove(DEADLINES, id)
  count(kept.status, status)
  local fields = {'status', status, 'finished_at', at, 'expires_at', expires_at, ...}
  if kept.webhook then write_own_event(status, {unpack(fields)}) end
  local key, charge = API_KEY .. kept.key_id, kept.charge == 'held' and (done and 'settled' or 'released')
  if charge then
    append(fields, 'charge', charge)
    add(of_keys, key, 'held', -kept.cost)
    add(of_keys, key, done and 'spent' or 'credits', kept.cost)
  end
  if not done and redis.call('HSTRLEN', record, 'params') > KEPT_PARAMS then
    append(fields, 'params', '{}') -- a FAILED request costs nothing, and must not fill Redis
  end
  redis.call('HSET', record, unpack(fields))
  redis.call('PEXPIREAT', record, expires_at)
  if kept.idempotency then redis.call('PEXPIREAT', kept.idempotency, expires_at) end
  enlist(kept.key_id, kept.custom_id, whole(kept.created_at * 1000), TTL) -- its lists have expired where nothing ran for hours
  append(endings, {id, status, '', (kept.started_at or now) - kept.created_at, now - kept.created_at,
    charge or '', charge and kept.cost or 0, kept.custom_id or ''})
  notify(status)
  return expires_at
end

local function fail(code, error, ...)
  finish('FAILED', 'code', code, 'error', error, ...)
  endings[#endings][3] = code
end

local function attempts_left() return MAX_ATTEMPTS - kept.attempts + (kept.given_back or 0) end

-- Whether all its attempts were given back.
local function is_unattempted() return kept.status == 'QUEUED' or attempts_left() == MAX_ATTEMPTS end

local function fail_late()
  if is_unattempted() then return fail(TIMEOUT, UNSTARTED) end
  fail(TIMEOUT, (string.gsub(UNFINISHED, '{timeout}', string.format('%g', kept.timeout / 1000))))
end

local function is_overdue(time) return time and now >= tonumber(time) end

-- Another attempt after `delay`, or the end where no attempt or no time to work is left for one: with this failure, or for
-- want of time without one.
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

local function claimed(attempt, until_ms)
  return {'ok', id, attempt, kept.key_id, kept.params, until_ms - GRACE - now, until_ms, kept.traceparent or '', now - kept.created_at,
    kept.given_back or 0, kept.custom_id or ''}
end

local function start_by() return is_unattempted() and tonumber(kept.start_by) end

-- A lease that has expired ends here. With the turn that it is claimed in, if it stands in a line.
function moves.claim(turn)
  local is_queued, until_ms = kept.status == 'QUEUED', deadline()
  local lease = not is_queued and leased()
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
  if is_queued and kept.batch and redis.pcall('HEXISTS', BATCH .. kept.batch, 'cancelled') == 1 then
    fail(CANCELLED, BY_OWNER)
    return {'cancelled'}
  end
  local attempt = whole(kept.attempts + 1)
  local fields = {'attempts', attempt, 'worker', args.worker, 'machine', args.machine, 'claimed_at', at}
  if is_queued then leave_queue(turn) elseif turn then leave_line(kept.key_id, id, turn) end
  -- From here a request may take its `timeout`; it is begun again for one that was given back, while that may still start.
  if is_queued or now < (start_by() or 0) then
    append(fields, 'started_at', at, 'start_by', kept.start_by or until_ms)
    until_ms = whole(now + kept.timeout + GRACE)
    redis.call('ZADD', DEADLINES, until_ms, id)
  end
  if is_queued then
    append(fields, 'status', 'PROCESSING')
    count('QUEUED', 'PROCESSING')
  end
  redis.call('HSET', record, unpack(fields))
  redis.call('ZADD', LEASES, whole(now + LEASE), id)
  redis.call('HSET', MACHINE .. args.machine, id, attempt .. ' ' .. args.process)
  transport.start(attempt, until_ms)
  if is_queued then notify('PROCESSING') end
  return claimed(attempt, until_ms)
end

local function is_latest() return kept.status == 'PROCESSING' and args.attempt == kept.attempts end

local function holds_lease() return is_latest() and leased() end

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
    'expires_at', expires_at, 'owner', kept.key_id)
  redis.call('PEXPIREAT', picture, expires_at)
end

function moves.fail()
  update_pace()
  fail(args.code, args.error, 'metrics', args.metrics)
end

-- The worker stopped the attempt because its time was up.
moves.time_out = fail_late

function moves.retry() return try_again(args.delay, args.code, args.error) end

-- Not the request's fault, so the attempt is not counted, nor its time.
function moves.give_back()
  kept.given_back = redis.call('HINCRBY', record, 'given_back', 1)
  local until_ms = start_by()
  if until_ms then redis.call('ZADD', DEADLINES, 'GT', until_ms, id) end
  return try_again(0)
end

-- The lease has expired, or, where `attempt` is given, its owner's process was seen to be gone.
function moves.reclaim()
  local lease = leased()
  if not lease or args.attempt and not is_latest() then return {'stale'} end
  if not args.attempt and now < tonumber(lease) then return {'early'} end
  return try_again(0, WORKER_LOST, LOST)
end

-- Asked for by the API key's owner. Answers the status before, and the worker that had it.
function moves.cancel()
  local worker = leased() and kept.worker or ''
  fail(args.code, args.error)
  return {'ok', kept.status, worker}
end

function moves.expire()
  if not is_overdue(deadline()) then return {'early'} end
  fail_late()
end

-- The delay before another attempt is over.
function moves.promote()
  if rq('ZREM', RQ_SCHEDULED, id) == 0 or leased() then return {'stale'} end
  transport.requeue_in_turn()
end

local REQUIRED = {complete = is_latest, fail = is_latest, time_out = is_latest, renew = holds_lease, retry = holds_lease,
  give_back = holds_lease}

local function answer(...)
  if not kept.status then
    transport.drop()
    for _, key in ipairs({WAITING, DEADLINES, LEASES}) do redis.call('ZREM', key, id) end
    return {'missing'}
  end
  if TERMINAL[kept.status] then
    transport.drop()
    return {'terminal'}
  end
  if REQUIRED[move] and not REQUIRED[move]() then return {'stale'} end
  return moves[move](...) or {'ok'}
end
