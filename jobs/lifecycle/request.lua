-- The request that a move is about. `next` claims the request that it dequeues, `sweep` looks for its own.
local move, id, args = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if move == 'next' then
  id = dequeue(args, settings.window, now)
  if not id then return {{'empty'}} end
  if not is_request_id(id) then return {{'refused', id}} end
end
local record, status, created_at, started_at, key_id, charge, cost, idempotency
local function load_request(request, call)
  id, record = request, REQUEST .. request
  -- Nil where another type of value has its name.
  status, created_at, started_at, key_id, charge, cost, idempotency = unpack((call or redis.pcall)('HMGET', record,
    'status', 'created_at', 'started_at', 'key_id', 'charge', 'cost', 'idempotency'))
  return status
end
if move ~= 'sweep' then load_request(id, redis.call) end
