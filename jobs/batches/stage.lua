-- Keeps requests of a batch before it is accepted: without a status no read finds them.
-- ARGV: the batch's id, 1 for its first requests, arguments as JSON, then of each request its id, what it alone says as JSON, and
-- its parameters as JSON. Answers why not, as `accept.lua`, or false.
args = cjson.decode(ARGV[3])
local batch, key = BATCH .. ARGV[1], API_KEY .. args.key_id
local state = redis.call('HGET', batch, 'state')
if state ~= (ARGV[2] ~= '1' and 'staged') then return {'missing'} end
local refused = refusal(key, args.total) -- or a stream would fill Redis with what is refused at its end
if refused then return refused end

local entries = {}
for nth = 4, #ARGV, 3 do
  local said = cjson.decode(ARGV[nth + 1])
  redis.call('HSET', REQUEST .. ARGV[nth], 'batch', ARGV[1], unpack(asked_fields(key, said, ARGV[nth + 2])))
  entries[#entries + 1] = ARGV[nth] .. ' ' .. (said.custom_id or '')
end
redis.call('RPUSH', BATCH_REQUESTS .. ARGV[1], unpack(entries))
if not state then redis.call('HSET', batch, 'state', 'staged', 'key_id', args.key_id) end
redis.call('ZADD', OPEN_BATCHES, 'NX', whole(now + STAGED_FOR), ARGV[1])
return false
