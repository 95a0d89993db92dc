-- Which request a worker gets next, and for which of those behind it the worker fetches inputs meanwhile: a hint in their
-- records, for a while. Other workers pass over these as long as there are others.

local function fetched_by(waiting, now)
  local hint = redis.pcall('HGET', REQUEST .. waiting, 'ahead')
  local until_ms, worker = string.match(type(hint) == 'string' and hint or '', '^(%d+) (.+)$')
  if until_ms and now < tonumber(until_ms) then return worker end
end

local function is_request_id(entry) return #entry == 36 and not string.find(entry, '[^%x-]') end

-- A worker has one job at a time, so one that it holds already means that the reply to its claim was lost.
local function held_by(owner)
  local held = redis.call('HGETALL', MACHINE .. owner.machine)
  for at = 1, #held, 2 do
    local same_process = string.match(held[at + 1], ' (.+)$') == owner.process
    if same_process and redis.call('HGET', REQUEST .. held[at], 'worker') == owner.worker then return held[at] end
  end
end

local function first_free(worker, window, now)
  for place = 0, window - 1 do
    local entry = redis.call('LINDEX', RQ_QUEUE, place)
    if not entry then break end
    local other = is_request_id(entry) and fetched_by(entry, now)
    if not other or other == worker then return entry end
  end
  return redis.call('LINDEX', RQ_QUEUE, 0)
end

-- Moves it out of the queue, in transit to the worker. nil: the queue is empty.
local function dequeue(owner, window, now)
  local held = held_by(owner)
  if held then return held end
  local entry = first_free(owner.worker, window, now)
  if not entry then return end
  redis.call('LREM', RQ_QUEUE, 1, entry)
  if is_request_id(entry) then redis.call('RPUSH', RQ_INTERMEDIATE, entry) end
  return entry
end

-- Marks up to `most` requests for this worker to fetch for: {id, key id, parameters} each.
local function look_ahead(worker, most, window, until_ms, now)
  local found, place = {}, 0
  while #found < most and place < window do
    local waiting = redis.call('LINDEX', RQ_QUEUE, place)
    if not waiting then break end
    if is_request_id(waiting) and not fetched_by(waiting, now) then
      local kept = redis.pcall('HMGET', REQUEST .. waiting, 'key_id', 'params')
      if kept[1] then
        redis.call('HSET', REQUEST .. waiting, 'ahead', until_ms .. ' ' .. worker)
        found[#found + 1] = {waiting, kept[1], kept[2]}
      end
    end
    place = place + 1
  end
  return found
end
