-- What RQ keeps of the job of request `id`, changed in the same step as the request, so that `rq info` and
-- dashboards show the truth. Only the queue's lists are ever read, and nothing here decides what becomes
-- of a request: a value of a wrong type is replaced.
local JOB, WORKER, EXECUTION = 'rq:job:', 'rq:worker:', 'rq:execution:'

local function rq(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) == 'table' and answer.err then
    if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('DEL', key) end
    answer = redis.call(command, key, ...)
  end
  return answer
end

-- RQ names an execution by a UUID; ours is the attempt's number, from which its end can name it.
local function execution_of(attempt) return string.format('%032x', attempt) end

local transport = {}

-- Wakes one idle worker; that one wakes the next where its claim leaves some in the queue.
function transport.ring()
  if rq('LLEN', BELL) == 0 then rq('RPUSH', BELL, 1) end
end

function transport.enqueue()
  rq('SADD', RQ_QUEUES, RQ_QUEUE)
  rq('HSET', JOB .. id, 'created_at', args.stamp, 'enqueued_at', args.stamp, 'timeout', math.max(1, math.floor(args.timeout / 1000 + 0.5)),
    unpack(settings.rq_job))
  rq('RPUSH', RQ_QUEUE, id)
  transport.ring()
end

function transport.start(attempt, worker, until_ms)
  local execution, at = execution_of(attempt), now / 1000
  local name, expires = id .. ':' .. execution, math.ceil(until_ms / 1000)
  rq('HSET', JOB .. id, 'status', 'started', 'worker_name', worker, 'started_at', args.stamp, 'last_heartbeat', args.stamp)
  rq('ZADD', RQ_STARTED, expires, name)
  rq('HSET', EXECUTION .. name, 'id', execution, 'job_id', id, 'created_at', at, 'last_heartbeat', at,
    'worker_name', worker)
  rq('EXPIREAT', EXECUTION .. name, expires)
  rq('SADD', WORKER .. worker .. ':executions', name)
  rq('EXPIREAT', WORKER .. worker .. ':executions', expires)
  if redis.call('EXISTS', WORKER .. worker) == 1 then rq('HSET', WORKER .. worker, 'state', 'busy') end
end

-- `worked_ms` is nil for work that was not finished.
function transport.stop(attempt, worker, ending, worked_ms)
  local name = id .. ':' .. execution_of(attempt)
  rq('ZREM', RQ_STARTED, name)
  redis.call('DEL', EXECUTION .. name)
  rq('SREM', WORKER .. worker .. ':executions', name)
  if redis.call('EXISTS', WORKER .. worker) == 0 then return end
  if redis.call('EXISTS', WORKER .. worker .. ':executions') == 0 then rq('HSET', WORKER .. worker, 'state', 'idle') end
  if worked_ms then
    rq('HINCRBY', WORKER .. worker, ending == 'finished' and 'successful_job_count' or 'failed_job_count', 1)
    local before = tonumber(redis.call('HGET', WORKER .. worker, 'total_working_time')) or 0
    rq('HSET', WORKER .. worker, 'total_working_time', before + worked_ms / 1000) -- HINCRBYFLOAT takes 70 us
  end
end

function transport.delay_until(due_ms)
  rq('HSET', JOB .. id, 'status', 'scheduled')
  rq('ZADD', RQ_SCHEDULED, math.ceil(due_ms / 1000), id)
end

-- At the head of the queue: it has waited before.
function transport.requeue()
  rq('HSET', JOB .. id, 'status', 'queued')
  rq('LPUSH', RQ_QUEUE, id)
  transport.ring()
end

-- No worker has it: it is in the queue, from which a claim has taken it, or delayed.
function transport.remove()
  if move ~= 'claim' then rq('LREM', RQ_QUEUE, 1, id) end
  rq('ZREM', RQ_SCHEDULED, id)
end

-- RQ's copy of an ended job is kept for a minute, for dashboards; of one that never started, only its id in the registry
-- of failed jobs.
function transport.finish(ending)
  local expires = string.format('%d', math.ceil(now / 1000) + settings.rq_ttl_s)
  if started_at then
    if rq('EXPIREAT', JOB .. id, expires) == 0 then return end
    rq('HSET', JOB .. id, 'status', ending, 'ended_at', args.stamp)
  else
    unlink(JOB .. id)
  end
  local registry = ending == 'finished' and RQ_FINISHED or RQ_FAILED
  if buffer then append(buffered('scored', registry), expires, id) else rq('ZADD', registry, expires, id) end
end

-- Its request is gone or has ended: it is no longer delayed.
function transport.drop()
  rq('ZREM', RQ_SCHEDULED, id)
  if not status then redis.call('DEL', JOB .. id) end
end
