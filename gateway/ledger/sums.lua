-- What accounts say at one moment, for whoever adds up the rows beside them.

local function last_row(ledger)
  local found = redis.call('XREVRANGE', ledger, '+', '-', 'COUNT', 1)
  return found[1] and found[1][1] or '0-0'
end

-- sums: what the accounts of a team and its keys are, and what their open calls hold, all at one moment.
--   keys    team's account, key index, open calls, ledger, stem of a key's name, stem of a call's
--   args    `since` of the day and month to tell
--   answer  {name of the last row, then of the team, whose name is 'team', and of every key: name, held, spent, held
--           by open calls, how many run, how many of the open calls do, held and spent of the day, of the month}
local function sums_now(keys, args)
  local opened, run = {}, {}
  for _, id in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do
    local known = redis.call('HMGET', keys[6] .. id, 'key', 'held', 'state', 'since')
    local runs = known[3] == 'open' and known[4] and 1 or 0
    for _, name in ipairs({known[1] or '', 'team'}) do
      opened[name], run[name] = plus(opened[name], known[2] or '0'), (run[name] or 0) + runs
    end
  end
  local answer = {last_row(keys[4])}
  local books, begins = {team = account_of(keys[1], 'team', 'team')}, begins_of(args[1])
  local function tell(account)
    local name = account.id
    local words = {name, account.held, account.spent, exactly(opened[name]), account.running, whole(run[name] or 0)}
    for _, period in ipairs(PERIODS) do
      for _, sum in ipairs(sums_in(books, account, period, begins[period.name])) do words[#words + 1] = sum end
    end
    for _, word in ipairs(words) do answer[#answer + 1] = word end
  end
  tell(books.team)
  for _, id in ipairs(redis.call('HKEYS', keys[2])) do tell(account_of(keys[5] .. id, 'key', id)) end
  return answer
end

-- operator_sums: the same of the operator's account.
--   keys    operator's account, operator's ledger
--   answer  {name of the last row, held, spent}
local function operator_sums(keys)
  local account = account_of(keys[1], 'operator')
  return {last_row(keys[2]), account.held, account.spent}
end

offer('sums', sums_now)
offer('operator_sums', operator_sums)
