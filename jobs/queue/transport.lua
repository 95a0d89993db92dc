-- RQ's copy of the current request's job, updated in the same step as the request, so that `rq info` and dashboards
-- show the actual state. We read only the lists of the queue back, and nothing here decides the fate of a request.
local transport = {}

-- RQ identifies an execution by a UUID; ours is made of the attempt number, so that later moves can derive it.
local function execution_of(attempt) return id .. ':' .. string.format('%032x', attempt) end

function transport.start(attempt, until_ms)
  local name, seconds = execution_of(attempt), string.format('%.3f', now / 1000)
  rq('HSET', RQ_JOB .. id, 'status', 'started', 'origin', QUEUE, 'worker_name', args.worker, 'started_at', args.stamp)
  rq('ZADD', RQ_STARTED, integer(math.ceil(until_ms / 1000)), name)
  rq('HSET', RQ_EXECUTION .. name, 'created_at', seconds, 'last_heartbeat', seconds)
  rq('SADD', RQ_WORKER .. args.worker .. ':executions', name)
  add_to_counter(worker_counters, RQ_WORKER .. args.worker, 'total_working_time')
end

-- `worked_ms` is nil if the attempt did not end the request.
function transport.stop(ending, worked_ms)
  local name, worker = execution_of(stored.attempts), RQ_WORKER .. stored.worker
  rq('ZREM', RQ_STARTED, name)
  redis.call('DEL', RQ_EXECUTION .. name)
  rq('SREM', worker .. ':executions', name)
  add_to_counter(worker_counters, worker, 'total_working_time', worked_ms)
  if worked_ms then add_to_counter(worker_counters, worker, ending == 'finished' and 'successful_job_count' or 'failed_job_count', 1) end
end

-- Updates state and totals of a registered worker.
function transport.write_worker(worker, amounts)
  local state = redis.call('EXISTS', worker .. ':executions') == 1 and 'busy' or 'idle'
  local birth, before, seconds, finished, failed = unpack(rq('HMGET', worker, 'birth', 'state', 'total_working_time',
    'successful_job_count', 'failed_job_count'))
  if not birth then return end
  local fields = {}
  if state ~= before then fields = {'state', state} end
  local function count(field, total)
    if amounts[field] then append(fields, field, integer((tonumber(total) or 0) + amounts[field])) end
  end
  count('successful_job_count', finished)
  count('failed_job_count', failed)
  if #fields == 0 then return end
  rq('HSET', worker, 'total_working_time', string.format('%.3f', (tonumber(seconds) or 0) + amounts.total_working_time / 1000),
    unpack(fields))
end

function transport.delay_until(due_ms)
  rq('HSET', RQ_JOB .. id, 'status', 'scheduled')
  rq('ZADD', RQ_SCHEDULED, math.ceil(due_ms / 1000), id)
end

-- To the head of the queue; no more requests come back at once than workers had in flight.
function transport.requeue()
  rq('HSET', RQ_JOB .. id, 'status', 'queued')
  rq('LPUSH', RQ_QUEUE, id)
  ring_bell()
end

-- After a delay, in turn with other keys: when a host fails, the delays of many requests of one key end together.
function transport.requeue_in_turn()
  rq('HSET', RQ_JOB .. id, 'status', 'queued', 'origin', QUEUE .. ':' .. stored.key_id)
  prepend_to_key_queue(stored.key_id, id)
end

-- Removes a request without a worker, which is queued or delayed; a claim has already taken it out of the queue.
function transport.remove()
  if move ~= 'claim' then rq('LREM', RQ_QUEUE, 1, id) end
  rq('ZREM', RQ_SCHEDULED, id)
end

-- Dashboards show an ended job for a minute; of a job that never started, only its id in the registry of failed jobs.
function transport.finish(ending)
  local expires = integer(math.ceil(now / 1000) + RQ_TTL_S)
  if stored.started_at then
    if rq('EXPIREAT', RQ_JOB .. id, expires) == 0 then return end
    rq('HSET', RQ_JOB .. id, 'status', ending, 'ended_at', args.stamp)
  else
    unlink(RQ_JOB .. id)
  end
  local registry = ending == 'finished' and RQ_FINISHED or RQ_FAILED
  if buffer then append(buffered('scored', registry), expires, id) else rq('ZADD', registry, expires, id) end
end

-- Drops the job of a request that has ended or no longer exists.
function transport.drop()
  rq('ZREM', RQ_SCHEDULED, id)
  if not stored.status then redis.call('DEL', RQ_JOB .. id) end
end
