-- What takes requests out of RQ's queue: workers, which claim them, and the sweep of late ones. Then: the moves to make.

local function is_request_id(entry) return #entry == 36 and not string.find(entry, '[^%x-]') end

-- No more than the share of `waiting` that leaves some for each other worker; the last ones are for idle workers.
local function share_of(waiting)
  local share = math.floor(waiting / math.max(1, rq('SCARD', RQ_WORKERS)))
  return math.min(args.most, math.max(share, args.is_idle and 1 or 0))
end

-- What this process has claimed and does not know of, because the answer was lost.
local function claim_again(claims)
  if rq('SCARD', RQ_WORKER .. args.worker .. ':executions') == #args.holding then return end
  local known, held = {}, redis.call('HGETALL', MACHINE .. args.machine)
  for _, request in ipairs(args.holding) do known[request] = true end
  for nth = 1, #held, 2 do
    local attempt, process = string.match(held[nth + 1], '^(%d+) (.+)$')
    if process == args.process and not known[held[nth]] and load_request(held[nth], 'params', 'traceparent') == 'PROCESSING'
      and kept.worker == args.worker then
      local until_ms = deadline()
      if until_ms then append(claims, claimed(attempt, until_ms)) end
    end
  end
end

-- Answers {claims, entries that were dropped, each with the reason}.
local function claim_next()
  local claims, dropped = {}, {}
  claim_again(claims)
  local waiting = rq('LLEN', RQ_QUEUE)
  local most = share_of(waiting) - #claims
  for _ = 1, most + DROPPED_MOST do
    local entry = most > 0 and waiting > 0 and rq('LPOP', RQ_QUEUE)
    if not entry then break end
    waiting = waiting - 1
    local said = {'refused'}
    if is_request_id(entry) then
      load_request(entry, 'params', 'traceparent')
      said = answer()
    end
    if said[1] == 'ok' then
      append(claims, said)
      most = most - 1
    else
      append(dropped, {entry, said[1]})
    end
  end
  if waiting == 0 then redis.call('DEL', BELL) else ring() end
  return {claims, dropped}
end

-- Removes entries of the queue by their places; all of its head in one command.
local function remove_entries(places, looked)
  if args.skip == 0 and #places == looked then
    redis.call('LPOP', RQ_QUEUE, looked)
    return
  end
  for _, place in ipairs(places) do redis.call('LSET', RQ_QUEUE, args.skip + place - 1, '') end
  redis.call('LREM', RQ_QUEUE, #places, '')
end

-- Ends QUEUED requests whose deadline has passed, in the queue's order and behind its first `skip`: one by one, each would
-- be searched for in the whole queue.
-- Answers {entries read, of these kept in the queue}.
local function sweep()
  local looked, places = 0, {}
  buffer = {unlinked = {}, removed = {}, scored = {}}
  local entries = rq('LRANGE', RQ_QUEUE, args.skip, args.skip + SWEEP_WINDOW - 1)
  local deadlines
  for place, entry in ipairs(entries) do
    looked = place
    local nth = (place - 1) % SWEEP_MOST + 1
    if nth == 1 then
      deadlines = redis.call('ZMSCORE', DEADLINES, unpack(entries, place, math.min(place + SWEEP_MOST - 1, #entries)))
    end
    if is_overdue(deadlines[nth]) and is_request_id(entry) and load_request(entry) == 'QUEUED' then
      fail_late()
      places[#places + 1] = place
      if #places == SWEEP_MOST then break end
    end
  end
  if #places > 0 then remove_entries(places, looked) end
  flush_buffer()
  return {looked, looked - #places}
end

local function make(arguments)
  endings, args = {}, cjson.decode(arguments)
  local said
  if move == 'claim' then
    said = claim_next()
  elseif move == 'sweep' then
    said = sweep()
  else
    load_request(id)
    said = answer()
  end
  return {said, #endings > 0 and cjson.encode(endings) or nil}
end

local answers = {}
for nth = 1, #ARGV, 3 do
  move, id = ARGV[nth], ARGV[nth + 1]
  local _, said = pcall(make, ARGV[nth + 2]) -- an error is the answer to this move alone
  append(answers, type(said) == 'table' and said or {err = said})
end
for key, amounts in pairs(of_keys) do write_counters(key, amounts) end
for batch, amounts in pairs(of_batches) do write_counts(batch, amounts) end
for worker, done in pairs(of_workers) do transport.write_worker(worker, done) end
return answers
