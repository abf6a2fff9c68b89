-- What the operator pays: attempts that no caller owes.

-- The index of attempts of which nobody knows whether they were billed, and the record of one: see unsettled.lua.
local function unsettled_beside(account, id)
  return (string.gsub(account, 'acct$', '') .. (id and 'unsettled:' .. id or 'unsettled'))
end

-- Puts an attempt there of which `facts` tell, name and value in turn, unless there is a record of it.
local function put_unsettled(account, nanos, at_ms, facts)
  local id
  for at = 1, #facts, 2 do
    if facts[at] == 'attempt' then id = facts[at + 1] end
  end
  local record = unsettled_beside(account, id)
  if redis.call('EXISTS', record) == 1 then return false end
  redis.call('HSET', record, 'held', nanos, 'at', at_ms, unpack(facts))
  redis.call('ZADD', unsettled_beside(account), at_ms, id)
  return true
end

-- operator: puts an attempt that no caller owes on the operator's account, as spent when the upstream
-- has billed it, as held while nobody knows whether it has: then it is among the unsettled ones, beside the account.
--   keys    operator's account, the attempt's mark, operator's ledger
--   args    nanos, `spent` or `held`, then name and value of every fact the row is to tell; `attempt` is one of them
--   answer  {'recorded', nanos}, as it was recorded first
local function operator(keys, args)
  local nanos = amount(args[1])
  if not redis.call('SET', keys[2], nanos, 'NX', 'EX', REMEMBERED_S) then
    return {'recorded', redis.call('GET', keys[2])}
  end
  local known = args[2] == 'spent'
  local held, spent = known and '0' or nanos, known and nanos or '0'
  local row = {'do', 'operator', 'held', held, 'spent', spent}
  for at = 3, #args do row[#row + 1] = args[at] end
  if not known then put_unsettled(keys[1], nanos, whole(now_ms()), {unpack(args, 3)}) end
  local account = account_of(keys[1], 'operator')
  row[#row + 1], row[#row + 2] = 'operator_after', post(account, held, spent)
  save(account)
  redis.call('XADD', keys[3], '*', unpack(row))
  return {'recorded', nanos}
end

offer('operator', operator)
