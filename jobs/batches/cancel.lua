-- Marks a batch as cancelled, so that none of its QUEUED requests starts. ARGV: the batch id.
-- Returns the number of QUEUED requests, also when repeated, or a reason: missing, terminal.
local batch = BATCH .. ARGV[1]
local total, finished_at, queued = unpack(redis.call('HMGET', batch, 'total', 'finished_at', 'queued'))
if not total then return 'missing' end
if finished_at then return 'terminal' end
redis.call('HSET', batch, 'cancelled', '1')
redis.call('ZADD', OPEN_BATCHES, integer(now + IDLE_FOR), ARGV[1])
return tonumber(queued)
