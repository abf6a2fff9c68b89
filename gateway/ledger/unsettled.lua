-- Attempts of which nobody knows whether the upstream billed them: the operator's account holds what they may cost.
--
-- Beside the account are an index of them, attempt -> since when, in ms, and of each a record with all that its row
-- told. The record stays until it is known, and then for as long as anyone may still ask. What releases without an
-- index have put on the account is adopted.

-- resolve: an attempt was billed, or was not: what is held for it is spent, or free.
--   keys    operator's account, operator's ledger, operator's trail
--   args    attempt, `billed` or `unbilled`, nanos that were billed (empty: what is held), why, when it was billed, in ms
--           (empty: that is not known), then, if an administrator says so: who, door, action, subject
--   answer  {'resolved'|'same', 'billed'|'unbilled', nanos spent, why}; 'same': it was before, and stays as it was
--           {'unknown'}: no such attempt is, or was lately, unsettled
local function resolve(keys, args)
  local index, record = unsettled_beside(keys[1]), unsettled_beside(keys[1], args[1])
  if not redis.call('ZSCORE', index, args[1]) then
    local known = redis.call('HMGET', record, 'resolved', 'spent', 'resolved_why')
    if known[1] then return {'same', unpack(known)} end
    return {'unknown'}
  end
  if args[2] ~= 'billed' and args[2] ~= 'unbilled' then error('neither billed nor unbilled: ' .. tostring(args[2])) end
  local held = redis.call('HGET', record, 'held')
  local spent = args[2] == 'billed' and amount(args[3] ~= '' and args[3] or held) or '0'
  local row = {'do', 'resolve', 'resolved', args[2], 'why', args[4], 'held', minus(held), 'spent', spent}
  local facts = redis.call('HGETALL', record)
  for at = 1, #facts, 2 do
    if facts[at] ~= 'held' and facts[at] ~= 'why' then row[#row + 1], row[#row + 2] = facts[at], facts[at + 1] end
  end
  if args[5] ~= '' then row[#row + 1], row[#row + 2] = 'billed_at', args[5] end
  if args[6] then
    local told = deed({unpack(args, 6)})
    changed(told, 'held', held, '')
    changed(told, 'resolved', '', args[2])
    changed(told, 'spent', '', spent)
    changed(told, 'why', '', args[4])
    enter(keys[3], told)
  end
  local account = account_of(keys[1], 'operator')
  row[#row + 1], row[#row + 2] = 'operator_after', post(account, minus(held), spent)
  save(account)
  redis.call('XADD', keys[2], '*', unpack(row))
  redis.call('ZREM', index, args[1])
  redis.call('HSET', record, 'resolved', args[2], 'spent', spent, 'resolved_why', args[4])
  redis.call('EXPIRE', record, REMEMBERED_S)
  return {'resolved', args[2], spent, args[4]}
end

-- unsettled: attempts of which nobody knows, from the oldest on.
--   keys    operator's account
--   args    for how many ms they must have been that, how many to pass over, how many at most
--   answer  {now in ms, then of each: name and value of everything in its record, and ''}
local function unsettled(keys, args)
  local now, answer = now_ms(), {}
  local ids = redis.call(
    'ZRANGEBYSCORE', unsettled_beside(keys[1]), '-inf', whole(now - tonumber(args[1])), 'LIMIT', args[2], args[3]
  )
  answer[1] = whole(now)
  for _, id in ipairs(ids) do
    for _, word in ipairs(redis.call('HGETALL', unsettled_beside(keys[1], id))) do answer[#answer + 1] = word end
    answer[#answer + 1] = ''
  end
  return answer
end

-- unsettled_calls: calls that hold money of their team, and of which nothing has been heard for too long.
--   keys    open calls, stem of a call's name
--   answer  {call id, key id, nanos held, until when it is waited for its end, in ms, call id …}
local function unsettled_calls(keys)
  local answer, open = {}, redis.call('ZRANGE', keys[1], 0, -1, 'WITHSCORES')
  for at = 1, #open, 2 do
    local known = redis.call('HMGET', keys[2] .. open[at], 'state', 'key', 'held')
    if known[1] == 'unsettled' then
      for _, word in ipairs({open[at], known[2], known[3], open[at + 1]}) do answer[#answer + 1] = word end
    end
  end
  return answer
end

-- adopt: puts an attempt beside the account that a row has as held, and that releases without an index have written.
-- It may not be one that has been resolved, which its record tells for 35 days, and the ledger for ever.
--   keys    operator's account
--   args    nanos, when the row was written, in ms, then name and value of every fact that it tells
--   answer  {'adopted'} or {'known'}
local function adopt(keys, args)
  return {put_unsettled(keys[1], amount(args[1]), args[2], {unpack(args, 3)}) and 'adopted' or 'known'}
end

offer('resolve', resolve)
offer('adopt', adopt)
offer('unsettled', unsettled)
offer('unsettled_calls', unsettled_calls)
