-- The queue and its workers in one step, so that no two numbers contradict each other.
-- Begins with MAX_WORKERS, WORKER_FIELDS and SAMPLE.
-- Answers {seconds, microseconds}; how many wait, are worked on, and are unfinished; {oldest that waits, its score};
-- the pace or false; of each worker {key, fields, its job or '', since when it is at it or false}; of those that
-- COMPLETED and that FAILED lately {the newest, how many}.
local clock = redis.call('TIME')

local function worker(name)
  local execution = redis.call('SRANDMEMBER', name .. ':executions')
  local job = execution and string.match(execution, '^[^:]*') or ''
  return {name, redis.call('HMGET', name, unpack(WORKER_FIELDS)), job,
    job ~= '' and redis.call('HGET', REQUEST .. job, 'claimed_at')}
end

local function lately(registry)
  return {redis.call('ZRANGE', registry, '+inf', clock[1], 'BYSCORE', 'REV', 'LIMIT', 0, SAMPLE),
    redis.call('ZCOUNT', registry, clock[1], '+inf')}
end

local names, workers = redis.call('SMEMBERS', RQ_WORKERS), {}
table.sort(names)
for at = 1, math.min(#names, MAX_WORKERS) do workers[at] = worker(names[at]) end
return {clock, redis.call('ZCARD', WAITING), redis.call('ZCARD', LEASES), redis.call('ZCARD', DEADLINES),
  redis.call('ZRANGE', WAITING, 0, 0, 'WITHSCORES'), redis.call('HGET', PACE, 'job'), workers, lately(RQ_FINISHED),
  lately(RQ_FAILED)}
