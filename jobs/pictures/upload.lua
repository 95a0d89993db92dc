-- Reserves quota for uploaded pictures, for all of them or none. Pictures that are stored already need no quota.
-- KEYS: the key's uploads by expiry (sorted set of SHA-256), their "size token" by SHA-256 and `total` (hash).
-- ARGV: quota (bytes), TTL (ms), then SHA-256, size and new token of each picture, without duplicates.
-- Returns {'ok', expires at (ms), token of each picture} or {'quota', bytes in use}.
local expiries, files = KEYS[1], KEYS[2]
local quota, ttl = tonumber(ARGV[1]), ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

for _, expired in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now)) do
  local size = string.match(redis.call('HGET', files, expired) or '0', '^%d+')
  redis.call('HINCRBY', files, 'total', -size)
  redis.call('HDEL', files, expired)
  redis.call('ZREM', expiries, expired)
end

local reply, added, total = {'ok', now + ttl}, 0, tonumber(redis.call('HGET', files, 'total') or 0)
for nth = 3, #ARGV, 3 do
  local stored = redis.call('HGET', files, ARGV[nth])
  reply[#reply + 1] = stored and string.match(stored, ' (.+)$') or ARGV[nth + 2]
  if not stored then added = added + ARGV[nth + 1] end
end
if total + added > quota then return {'quota', total} end

for nth = 3, #ARGV, 3 do
  redis.call('HSETNX', files, ARGV[nth], ARGV[nth + 1] .. ' ' .. ARGV[nth + 2])
  redis.call('ZADD', expiries, now + ttl, ARGV[nth])
end
redis.call('HINCRBY', files, 'total', added)
redis.call('PEXPIRE', expiries, ttl)
redis.call('PEXPIRE', files, ttl)
return reply
