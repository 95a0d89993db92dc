-- What takes requests out of the queue: workers, which claim them, and the sweep of late ones. Then: the moves to make.

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

-- What was requeued goes first; then keys take turns.
local function next_entry()
  local requeued = rq('LPOP', RQ_QUEUE)
  if requeued then return requeued end
  return first_in_turn()
end

-- Answers {claims, entries that were dropped, each with the reason}.
local function claim_next()
  local claims, dropped = {}, {}
  claim_again(claims)
  local waiting = rq('LLEN', RQ_QUEUE) + redis.call('ZCARD', TURNS)
  local most = share_of(waiting) - #claims
  for _ = 1, most + DROPPED_MOST do
    if most <= 0 or waiting == 0 then break end
    local entry, key_id, turn = next_entry()
    if not entry then break end
    waiting = waiting - 1
    local said = {'refused'}
    if is_request_id(entry) then
      load_request(entry, 'params', 'traceparent')
      local is_sound, answered = pcall(answer, turn)
      said = is_sound and answered or {'broken'} -- or it would be the first of its line for ever
    end
    if said[1] == 'ok' then
      append(claims, said)
      most = most - 1
    else
      append(dropped, {entry, said[1]})
      if key_id then leave_line(key_id, entry) end
    end
  end
  if waiting == 0 then redis.call('DEL', BELL) else ring() end
  return {claims, dropped}
end

-- Ends those of some requests that are QUEUED, and whose deadline has passed if they are not `cancelled`. Answers them.
local function sweep()
  local ended = {}
  buffer, leaving = {unlinked = {}, removed = {}, scored = {}}, {}
  for nth, deadline in ipairs(redis.call('ZMSCORE', DEADLINES, unpack(args.requests))) do
    if (args.cancelled or is_overdue(deadline)) and load_request(args.requests[nth]) == 'QUEUED' then
      if args.cancelled then fail(CANCELLED, BY_OWNER) else fail_late() end
      append(ended, id)
    end
  end
  flush_buffer()
  flush_leaving()
  return ended
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
