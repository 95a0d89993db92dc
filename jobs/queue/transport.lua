-- What RQ keeps of the job of request `id`, changed in the same step as the request, so that `rq info` and
-- dashboards show the truth. Only the queue's lists are ever read, and nothing here decides what becomes
-- of a request.
local transport = {}

-- RQ names an execution by a UUID; ours is the attempt's number, from which its end can name it.
local function execution_of(attempt) return id .. ':' .. string.format('%032x', attempt) end

function transport.start(attempt, until_ms)
  local name, seconds = execution_of(attempt), string.format('%.3f', now / 1000)
  rq('HSET', RQ_JOB .. id, 'status', 'started', 'origin', QUEUE, 'worker_name', args.worker, 'started_at', args.stamp)
  rq('ZADD', RQ_STARTED, whole(math.ceil(until_ms / 1000)), name)
  rq('HSET', RQ_EXECUTION .. name, 'created_at', seconds, 'last_heartbeat', seconds)
  rq('SADD', RQ_WORKER .. args.worker .. ':executions', name)
  add(of_workers, RQ_WORKER .. args.worker, 'total_working_time')
end

-- `worked_ms` is nil for work that was not finished.
function transport.stop(ending, worked_ms)
  local name, worker = execution_of(kept.attempts), RQ_WORKER .. kept.worker
  rq('ZREM', RQ_STARTED, name)
  redis.call('DEL', RQ_EXECUTION .. name)
  rq('SREM', worker .. ':executions', name)
  add(of_workers, worker, 'total_working_time', worked_ms)
  if worked_ms then add(of_workers, worker, ending == 'finished' and 'successful_job_count' or 'failed_job_count', 1) end
end

-- Of a worker that is registered: what it does, and what it has done.
function transport.write_worker(worker, done)
  local state = redis.call('EXISTS', worker .. ':executions') == 1 and 'busy' or 'idle'
  local birth, before, seconds, finished, failed = unpack(rq('HMGET', worker, 'birth', 'state', 'total_working_time',
    'successful_job_count', 'failed_job_count'))
  if not birth then return end
  local fields = {}
  if state ~= before then fields = {'state', state} end
  local function count(field, known)
    if done[field] then append(fields, field, whole((tonumber(known) or 0) + done[field])) end
  end
  count('successful_job_count', finished)
  count('failed_job_count', failed)
  if #fields == 0 then return end
  rq('HSET', worker, 'total_working_time', string.format('%.3f', (tonumber(seconds) or 0) + done.total_working_time / 1000),
    unpack(fields))
end

function transport.delay_until(due_ms)
  rq('HSET', RQ_JOB .. id, 'status', 'scheduled')
  rq('ZADD', RQ_SCHEDULED, math.ceil(due_ms / 1000), id)
end

-- Before all others: a worker had it in hand, and has no more of them than it claimed.
function transport.requeue()
  rq('HSET', RQ_JOB .. id, 'status', 'queued')
  rq('LPUSH', RQ_QUEUE, id)
  ring()
end

-- After a delay, which ends for many at once where their host failed: in turn, or they would overtake those of other keys.
function transport.requeue_in_turn()
  rq('HSET', RQ_JOB .. id, 'status', 'queued', 'origin', QUEUE .. ':' .. kept.key_id)
  rejoin_line(kept.key_id, id)
end

-- No worker has it: it is in the queue, from which a claim has taken it, or delayed.
function transport.remove()
  if move ~= 'claim' then rq('LREM', RQ_QUEUE, 1, id) end
  rq('ZREM', RQ_SCHEDULED, id)
end

-- RQ's copy of an ended job is kept for a minute, for dashboards; of one that never started, only its id in the registry
-- of failed jobs.
function transport.finish(ending)
  local expires = whole(math.ceil(now / 1000) + RQ_TTL_S)
  if kept.started_at then
    if rq('EXPIREAT', RQ_JOB .. id, expires) == 0 then return end
    rq('HSET', RQ_JOB .. id, 'status', ending, 'ended_at', args.stamp)
  else
    unlink(RQ_JOB .. id)
  end
  local registry = ending == 'finished' and RQ_FINISHED or RQ_FAILED
  if buffer then append(buffered('scored', registry), expires, id) else rq('ZADD', registry, expires, id) end
end

-- Its request is gone or has ended: it is no longer delayed.
function transport.drop()
  rq('ZREM', RQ_SCHEDULED, id)
  if not kept.status then redis.call('DEL', RQ_JOB .. id) end
end
