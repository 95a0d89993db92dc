-- Claims and sweeps, which take requests out of the queue; then the main part of the script, which runs all moves.

local function is_request_id(entry) return #entry == 36 and not string.find(entry, '[^%x-]') end

-- How many requests this worker may claim: its share of the queue. The last requests go to idle workers.
local function share_of(waiting)
  local share = math.floor(waiting / math.max(1, rq('SCARD', RQ_WORKERS)))
  return math.min(args.limit, math.max(share, args.is_idle and 1 or 0))
end

-- Adds requests that this process has claimed without knowing it, because the reply to the claim was lost.
local function repeat_lost_claims(claims)
  if rq('SCARD', RQ_WORKER .. args.worker .. ':executions') == #args.holding then return end
  local known, held = {}, redis.call('HGETALL', MACHINE .. args.machine)
  for _, request_id in ipairs(args.holding) do known[request_id] = true end
  for nth = 1, #held, 2 do
    local attempt, process = string.match(held[nth + 1], '^(%d+) (.+)$')
    if process == args.process and not known[held[nth]] and load_request(held[nth], 'params', 'traceparent') == 'PROCESSING'
      and stored.worker == args.worker then
      local until_ms = deadline()
      if until_ms then append(claims, claim_reply(attempt, until_ms)) end
    end
  end
end

-- Requeued requests go first; then keys take turns.
local function next_entry()
  local requeued = rq('LPOP', RQ_QUEUE)
  if requeued then return requeued end
  return first_in_turn()
end

-- Returns {claims, {{entry that was dropped, reason}, ...}}.
local function claim_next()
  local claims, dropped = {}, {}
  repeat_lost_claims(claims)
  local waiting = rq('LLEN', RQ_QUEUE) + redis.call('ZCARD', TURNS)
  local wanted = share_of(waiting) - #claims
  for _ = 1, wanted + MAX_SKIPPED do
    if wanted <= 0 or waiting == 0 then break end
    local entry, key_id, turn = next_entry()
    if not entry then break end
    waiting = waiting - 1
    local result = {'refused'}
    if is_request_id(entry) then
      load_request(entry, 'params', 'traceparent')
      local has_run, reply = pcall(run_move, turn)
      result = has_run and reply or {'broken'} -- a broken record must not block the queue of its key
    end
    if result[1] == 'ok' then
      append(claims, result)
      wanted = wanted - 1
    else
      append(dropped, {entry, result[1]})
      if key_id then leave_key_queue(key_id, entry) end
    end
  end
  if waiting == 0 then redis.call('DEL', BELL) else ring_bell() end
  return {claims, dropped}
end

-- Ends those of the given requests that are QUEUED and whose deadline has passed; with `cancelled`, all that are QUEUED.
-- Returns their ids.
local function sweep()
  local ended = {}
  buffer, removals = {unlinked = {}, removed = {}, scored = {}}, {}
  for nth, deadline in ipairs(redis.call('ZMSCORE', DEADLINES, unpack(args.requests))) do
    if (args.cancelled or is_overdue(deadline)) and load_request(args.requests[nth]) == 'QUEUED' then
      if args.cancelled then fail(CANCELLED, BY_OWNER) else fail_late() end
      append(ended, id)
    end
  end
  flush_buffer()
  flush_removals()
  return ended
end

local function run(arguments)
  endings, args = {}, cjson.decode(arguments)
  local result
  if move == 'claim' then
    result = claim_next()
  elseif move == 'sweep' then
    result = sweep()
  else
    load_request(id)
    result = run_move()
  end
  return {result, #endings > 0 and cjson.encode(endings) or nil}
end

local replies = {}
for nth = 1, #ARGV, 3 do
  move, id = ARGV[nth], ARGV[nth + 1]
  local _, reply = pcall(run, ARGV[nth + 2]) -- an error is the reply to this move only
  append(replies, type(reply) == 'table' and reply or {err = reply})
end
for key, amounts in pairs(key_counters) do write_key_counters(key, amounts) end
for batch, amounts in pairs(batch_counts) do write_counts(batch, amounts) end
for worker, amounts in pairs(worker_counters) do transport.write_worker(worker, amounts) end
return replies
