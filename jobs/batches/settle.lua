-- Ends a batch whose requests have all ended, though some were not counted: workers of former versions know of none.
-- ARGV: its id, how many of them are known to be COMPLETED, or -1 where some have not ended: then it is looked at again later.
local queued, processing, completed, finished_at, start_by, timeout = unpack(redis.call('HMGET', BATCH .. ARGV[1], 'queued',
  'processing', 'completed', 'finished_at', 'start_by', 'timeout'))
if not queued or finished_at then
  redis.call('ZREM', OPEN_BATCHES, ARGV[1])
elseif ARGV[2] == '-1' then
  redis.call('ZADD', OPEN_BATCHES, whole(math.max(start_by + timeout + OVERDUE_AFTER, now + OVERDUE_AFTER)), ARGV[1])
else
  local left = queued + processing
  local more = math.max(0, math.min(left, ARGV[2] - completed))
  write_counts(ARGV[1], {queued = -queued, processing = -processing, completed = more, failed = left - more})
end
