-- What every script about a request begins with. `next` is a claim of whichever request is next, `sweep` finds its own.
local move, id, args = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if move == 'next' then
  id = taken_next(args, settings.window, now)
  if not id then return {{'empty'}} end
  if not is_request_id(id) then return {{'refused', id}} end
end
local record, status
local function look_at(request, ask)
  id, record = request, REQUEST .. request
  status = (ask or redis.pcall)('HGET', record, 'status') -- no text, where something else stands in its place
  return status
end
if move ~= 'sweep' then look_at(id, redis.call) end
