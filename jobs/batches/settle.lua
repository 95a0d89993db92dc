-- Ends a batch whose requests have all ended although some were not counted: workers of older versions do not count them.
-- ARGV: the batch id, the number of requests known to be COMPLETED, or -1 when some have not ended: then it only
-- postpones the next check.
local queued, processing, completed, finished_at, start_by, timeout = unpack(redis.call('HMGET', BATCH .. ARGV[1], 'queued',
  'processing', 'completed', 'finished_at', 'start_by', 'timeout'))
if not queued or finished_at then
  redis.call('ZREM', OPEN_BATCHES, ARGV[1])
elseif ARGV[2] == '-1' then
  redis.call('ZADD', OPEN_BATCHES, integer(math.max(start_by + timeout + OVERDUE_AFTER, now + OVERDUE_AFTER)), ARGV[1])
else
  local uncounted = queued + processing
  local more = math.max(0, math.min(uncounted, ARGV[2] - completed))
  write_counts(ARGV[1], {queued = -queued, processing = -processing, completed = more, failed = uncounted - more})
end
