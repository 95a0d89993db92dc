-- Drops some requests of a batch that was not accepted, and the batch with the last of them. ARGV: its id, how many at most.
-- Answers how many are left.
local batch, requests = BATCH .. ARGV[1], BATCH_REQUESTS .. ARGV[1]
if redis.call('HGET', batch, 'state') == 'accepted' then return 0 end
local dropped = {}
for nth, entry in ipairs(redis.call('LPOP', requests, ARGV[2]) or {}) do
  dropped[nth] = REQUEST .. string.sub(entry, 1, 36)
end
if #dropped > 0 then redis.call('UNLINK', unpack(dropped)) end
local left = redis.call('LLEN', requests)
if left > 0 then
  redis.call('HSET', batch, 'state', 'dropped')
  redis.call('ZADD', OPEN_BATCHES, at, ARGV[1])
else
  redis.call('UNLINK', batch)
  redis.call('ZREM', OPEN_BATCHES, ARGV[1])
end
return left
