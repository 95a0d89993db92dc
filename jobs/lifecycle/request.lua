-- The request that a move is about; `claim` and `sweep` load one after another.
local move, id, args = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local record, status, created_at, started_at, key_id, charge, cost, idempotency
local function load_request(request, call)
  id, record = request, REQUEST .. request
  -- Nil where another type of value has its name.
  status, created_at, started_at, key_id, charge, cost, idempotency = unpack((call or redis.pcall)('HMGET', record,
    'status', 'created_at', 'started_at', 'key_id', 'charge', 'cost', 'idempotency'))
  return status
end
