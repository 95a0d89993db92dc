-- Drops some requests of a batch that was not accepted; the batch goes with its last request.
-- ARGV: the batch id, the maximum number to drop. Returns the number of remaining requests.
local batch, requests = BATCH .. ARGV[1], BATCH_REQUESTS .. ARGV[1]
if redis.call('HGET', batch, 'state') == 'accepted' then return 0 end
local dropped = {}
for nth, entry in ipairs(redis.call('LPOP', requests, ARGV[2]) or {}) do
  dropped[nth] = REQUEST .. string.sub(entry, 1, 36)
end
if #dropped > 0 then redis.call('UNLINK', unpack(dropped)) end
local remaining = redis.call('LLEN', requests)
if remaining > 0 then
  redis.call('HSET', batch, 'state', 'dropped')
  redis.call('ZADD', OPEN_BATCHES, now_text, ARGV[1])
else
  redis.call('UNLINK', batch)
  redis.call('ZREM', OPEN_BATCHES, ARGV[1])
end
return remaining
