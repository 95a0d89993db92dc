-- What every script about a request begins with. `next` is a claim of whichever request is next, `sweep` finds its own.
local move, id, args = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if move == 'next' then
  id = taken_next(args, settings.window, now)
  if not id then return {{'empty'}} end
  if not is_request_id(id) then return {{'refused', id}} end
end
local record, status, created_at, started_at, key_id, charge, cost, idempotency
local function look_at(request, ask)
  id, record = request, REQUEST .. request
  -- Nothing, where something else than a record stands in its place.
  status, created_at, started_at, key_id, charge, cost, idempotency = unpack((ask or redis.pcall)('HMGET', record,
    'status', 'created_at', 'started_at', 'key_id', 'charge', 'cost', 'idempotency'))
  return status
end
if move ~= 'sweep' then look_at(id, redis.call) end
