-- Makes room for one uploaded picture in its key's quota; the same picture again takes none.
-- KEYS: the key's uploads by expiry (sorted set of SHA-256), the same with "size token" each and their total.
-- ARGV: SHA-256, size, token to give it, quota (bytes), life (ms).
-- Answers {'ok', token, expires at (ms)} or {'quota', bytes in use}.
local expiries, files = KEYS[1], KEYS[2]
local sha256, size, token, quota, life = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4]), ARGV[5]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

for _, expired in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now)) do
  local gone = string.match(redis.call('HGET', files, expired) or '0', '^%d+')
  redis.call('HINCRBY', files, 'total', -gone)
  redis.call('HDEL', files, expired)
  redis.call('ZREM', expiries, expired)
end

local kept = redis.call('HGET', files, sha256)
if kept then
  token = string.match(kept, ' (.+)$')
else
  local total = tonumber(redis.call('HGET', files, 'total') or 0)
  if total + size > quota then return {'quota', total} end
  redis.call('HSET', files, sha256, size .. ' ' .. token)
  redis.call('HINCRBY', files, 'total', size)
end
redis.call('ZADD', expiries, now + life, sha256)
redis.call('PEXPIRE', expiries, life)
redis.call('PEXPIRE', files, life)
return {'ok', token, now + life}
