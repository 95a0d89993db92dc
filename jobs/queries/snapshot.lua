-- Reads the queue and its workers in one step, so that the numbers are consistent.
-- Prepended constants: MAX_WORKERS, WORKER_FIELDS and SAMPLE.
-- Returns {seconds, microseconds}; the numbers of QUEUED, leased and unfinished requests; {oldest QUEUED request, its score};
-- the pace or false; for each worker {key, fields, its job or '', when it was claimed or false}; and {newest ids, total} of
-- recently COMPLETED and of recently FAILED requests.
local clock = redis.call('TIME')

local function worker(name)
  local execution = redis.call('SRANDMEMBER', name .. ':executions')
  local job = execution and string.match(execution, '^[^:]*') or ''
  return {name, redis.call('HMGET', name, unpack(WORKER_FIELDS)), job,
    job ~= '' and redis.call('HGET', REQUEST .. job, 'claimed_at')}
end

local function recent(registry)
  return {redis.call('ZRANGE', registry, '+inf', clock[1], 'BYSCORE', 'REV', 'LIMIT', 0, SAMPLE),
    redis.call('ZCOUNT', registry, clock[1], '+inf')}
end

local names, workers = redis.call('SMEMBERS', RQ_WORKERS), {}
table.sort(names)
for nth = 1, math.min(#names, MAX_WORKERS) do workers[nth] = worker(names[nth]) end
return {clock, redis.call('ZCARD', WAITING), redis.call('ZCARD', LEASES), redis.call('ZCARD', DEADLINES),
  redis.call('ZRANGE', WAITING, 0, 0, 'WITHSCORES'), redis.call('HGET', PACE, 'job'), workers, recent(RQ_FINISHED),
  recent(RQ_FAILED)}
