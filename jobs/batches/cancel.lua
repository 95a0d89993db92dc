-- Has no more requests of a batch begin. ARGV: its id. Answers how many of them wait, also the second time, or a reason:
-- missing, terminal.
local batch = BATCH .. ARGV[1]
local total, finished_at, queued = unpack(redis.call('HMGET', batch, 'total', 'finished_at', 'queued'))
if not total then return 'missing' end
if finished_at then return 'terminal' end
redis.call('HSET', batch, 'cancelled', '1')
redis.call('ZADD', OPEN_BATCHES, whole(now + LEFT_FOR), ARGV[1])
return tonumber(queued)
