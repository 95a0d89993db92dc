-- Makes room for uploaded pictures in their key's quota, for all of them or none; one that is kept already takes none.
-- KEYS: the key's uploads by expiry (sorted set of SHA-256), the same with "size token" each and their total.
-- ARGV: quota (bytes), life (ms), then SHA-256, size and token to give it of each picture, no picture twice.
-- Answers {'ok', expires at (ms), token of each} or {'quota', bytes in use}.
local expiries, files = KEYS[1], KEYS[2]
local quota, life = tonumber(ARGV[1]), ARGV[2]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

for _, expired in ipairs(redis.call('ZRANGEBYSCORE', expiries, '-inf', now)) do
  local gone = string.match(redis.call('HGET', files, expired) or '0', '^%d+')
  redis.call('HINCRBY', files, 'total', -gone)
  redis.call('HDEL', files, expired)
  redis.call('ZREM', expiries, expired)
end

local answer, added, total = {'ok', now + life}, 0, tonumber(redis.call('HGET', files, 'total') or 0)
for at = 3, #ARGV, 3 do
  local kept = redis.call('HGET', files, ARGV[at])
  answer[#answer + 1] = kept and string.match(kept, ' (.+)$') or ARGV[at + 2]
  if not kept then added = added + ARGV[at + 1] end
end
if total + added > quota then return {'quota', total} end

for at = 3, #ARGV, 3 do
  redis.call('HSETNX', files, ARGV[at], ARGV[at + 1] .. ' ' .. ARGV[at + 2])
  redis.call('ZADD', expiries, now + life, ARGV[at])
end
redis.call('HINCRBY', files, 'total', added)
redis.call('PEXPIRE', expiries, life)
redis.call('PEXPIRE', files, life)
return answer
