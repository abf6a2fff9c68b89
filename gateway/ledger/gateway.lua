#!lua name=gateway_VERSION

-- The books: every step that moves money, each of them whole or not at all. The other files of the library come
-- behind this one, and use its first few functions.
--
-- A call is known by its id and ends once, `settled` or `voided`; until then it holds money, `open` while its
-- process is expected to end it, and `unsettled` when that has not been heard of for too long. Every function may
-- be called any number of times, and in any order: what has been done is not done again, and a charge is recorded
-- whatever came before it, because the upstream has billed it.
--
-- Amounts are whole nano-dollars as decimal strings. Lua's numbers are doubles, exact to 2^53, so
-- sums are left to HINCRBY and only comparisons are made here. These are exact: no amount and no
-- budget is above 9e15, and rounding cannot bring a larger sum below that.
--
-- A row of a ledger says what was done, the amounts added to `held` and `spent`, and both sums of
-- every account before and after, so that all balances can be computed again from the rows.
--
-- What is held and spent is counted in all, and for the day and the month too in which a call was admitted. When
-- these begin, in the time zone of the team, is for the gateway to say; this server's clock says whether it is so.

local function offer(name, work)
  redis.register_function('gw_VERSION_' .. name, work)
end

local LARGEST = 9e15

-- A call that has ended is remembered for as long as anyone may still settle it: 35 days.
local REMEMBERED_S = 35 * 24 * 3600

local function amount(text)
  local written_out = text == '0' or (text and string.find(text, '^[1-9]%d*$'))
  if not written_out or tonumber(text) > LARGEST then
    error('not an amount: ' .. tostring(text))
  end
  return text
end

local function minus(text)
  return text == '0' and '0' or '-' .. text
end

local function whole(number)
  return string.format('%.0f', number)
end

-- What is above zero of `a - b`.
local function excess(a, b)
  return whole(math.max(0, tonumber(a) - tonumber(b)))
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function today()
  return whole(math.floor(redis.call('TIME')[1] / 86400))
end

local function sums(account)
  local found = redis.call('HMGET', account, 'held', 'spent')
  return found[1] or '0', found[2] or '0'
end

-- Adds to an account, and writes its sums before and after into the row.
local function add(account, held, spent, row, name)
  local held_before, spent_before = sums(account)
  redis.call('HINCRBY', account, 'held', held)
  redis.call('HINCRBY', account, 'spent', spent)
  local held_after, spent_after = sums(account)
  local written = {
    name .. '_held_before', held_before, name .. '_held_after', held_after,
    name .. '_spent_before', spent_before, name .. '_spent_after', spent_after,
  }
  for _, word in ipairs(written) do row[#row + 1] = word end
end

-- The day and the month that a call counts in, as `since` has the seconds in which they begin: "86400 0". For each a
-- hash beside the team's account has the sums of the team and of its keys, under their names.
local PERIODS = {
  {name = 'day', pattern = '^(%d+) %d+$', kept_s = 62 * 24 * 3600},
  {name = 'month', pattern = '^%d+ (%d+)$', kept_s = 400 * 24 * 3600},
}

local function sums_of(period, team, since)
  return string.gsub(team, 'acct$', 'sums:') .. period.name .. ':' .. string.match(since, period.pattern)
end

-- Adds to what is held and spent of the day and month of a call. Calls of older releases have none.
local function count(books, call, held, spent)
  for _, period in ipairs(call.since and PERIODS or {}) do
    local counted = sums_of(period, books.team, call.since)
    for _, whose in ipairs({'team', call.key}) do
      if held ~= '0' then redis.call('HINCRBY', counted, whose .. '|held', held) end
      if spent ~= '0' then redis.call('HINCRBY', counted, whose .. '|spent', spent) end
    end
    redis.call('EXPIRE', counted, period.kept_s)
  end
end

-- The one place where a team's money moves: both accounts, their sums of the day and month, and the row that says so.
local function move(books, call, row, held, spent)
  for _, word in ipairs({'call', call.id, 'key', call.key, 'held', held, 'spent', spent}) do row[#row + 1] = word end
  if call.since then row[#row + 1], row[#row + 2] = 'since', call.since end
  add(books.team, held, spent, row, 'team')
  add(books.key, held, spent, row, 'key')
  count(books, call, held, spent)
  redis.call('XADD', books.ledger, '*', unpack(row))
end

-- How many calls run is counted beside.
local function running(books, call, by)
  if not call.since then return end
  for _, account in ipairs({books.team, books.key}) do redis.call('HINCRBY', account, 'running', by) end
end

local function hold(books, call, nanos, lease_ms)
  redis.call('HSET', books.call, 'state', 'open', 'key', call.key, 'held', nanos)
  if call.since then redis.call('HSET', books.call, 'since', call.since) end
  redis.call('ZADD', books.open, whole(now_ms() + lease_ms), call.id)
  running(books, call, 1)
  move(books, call, {'do', 'reserve'}, nanos, '0')
end

-- A call that Redis has lost: it holds its money again. With it Redis may have lost who has the key; nobody can call
-- with that, but it is in its team's index, or whoever adds up would not find its account.
local function hold_again(books, call, nanos)
  if redis.call('HEXISTS', books.key, 'created') == 0 then
    redis.call('HSET', string.gsub(books.team, 'acct$', 'keys'), call.key, '')
  end
  hold(books, call, nanos, 0)
end

local function finish(books, call, ...)
  redis.call('ZREM', books.open, call.id)
  redis.call('HSET', books.call, 'key', call.key, ...)
  redis.call('EXPIRE', books.call, REMEMBERED_S)
end

-- The books of a team as the functions that end a call are given them, the call, and how it stands.
local function opened(keys, id, key)
  local books = {team = keys[1], key = keys[2], call = keys[3], open = keys[4], ledger = keys[5]}
  local known = redis.call('HMGET', books.call, 'state', 'held', 'spent', 'over', 'since')
  return books, {id = id, key = key, since = known[5] or nil}, known
end

-- An account as `reserve` looks at it: what is written in it, and of every budget that it has the sums.
local WRITTEN = {
  'created', 'revoked', 'soft', 'alert_at', 'budget', 'held', 'spent', 'alerted', 'budget_day', 'budget_month',
  'concurrency', 'running', 'requests', 'requests_at', 'pictures', 'pictures_at',
  'zone', 'premium_hour', 'premium_day',  -- of teams alone
}

local function budget_of(period, counted, whose, most)
  local mark = whose .. '|alerted'
  local found = redis.call('HMGET', counted, whose .. '|held', whose .. '|spent', mark)
  local held, spent, alerted = found[1] or '0', found[2] or '0', found[3] or '0'
  return {period = period, most = most, held = held, spent = spent, alerted = alerted, marked_in = counted, mark = mark}
end

local function account_of(books, which, whose, since)
  local account = {which = which, record = books[which], budgets = {}, held = '0', spent = '0', alerted = '0'}
  local found = redis.call('HMGET', account.record, unpack(WRITTEN))
  for at, field in ipairs(WRITTEN) do
    if found[at] and found[at] ~= '' then account[field] = found[at] end
  end
  if account.budget then
    account.budgets[1] = {
      period = 'total', most = account.budget, held = account.held, spent = account.spent,
      alerted = account.alerted, marked_in = account.record, mark = 'alerted',
    }
  end
  for _, period in ipairs(PERIODS) do
    local most = account['budget_' .. period.name]
    if most then
      account.budgets[#account.budgets + 1] = budget_of(period.name, sums_of(period, books.team, since), whose, most)
    end
  end
  return account
end

local function taken(budget)
  return tonumber(budget.held) + tonumber(budget.spent)
end

-- What `most` a minute come to: the time, in ms, at which as many may come again as have come, which runs ahead of
-- the clock by a minute at most.
local MINUTE_MS = 60000

local function next_at(account, what, count, now)
  return math.max(tonumber(account[what .. '_at'] or '0'), now) + count * MINUTE_MS / tonumber(account[what])
end

-- Why an account cannot take calls that need so much together; nil when it can.
local function refusal(account, needed, asked, now)
  local which = account.which
  if not account.created or account.revoked then return {'unknown', which} end
  for _, budget in ipairs(account.soft and {} or account.budgets) do
    if taken(budget) + needed > tonumber(budget.most) then
      return {'over', which, budget.period, budget.most, budget.held, budget.spent}
    end
  end
  for _, what in ipairs({'requests', 'pictures'}) do
    local wait_ms = account[what] and next_at(account, what, asked[what], now) - now - MINUTE_MS or 0
    if wait_ms > 0.001 then return {'fast', which, what, account[what], whole(math.ceil(wait_ms))} end
  end
  local most = account.concurrency
  if most and tonumber(account.running or '0') + asked.pictures > tonumber(most) then
    return {'fast', which, 'concurrency', most, '0'}
  end
end

-- Takes note that an account was asked.
local function note(account, asked, now)
  for _, what in ipairs({'requests', 'pictures'}) do
    if account[what] then
      redis.call('HSET', account.record, what .. '_at', string.format('%.3f', next_at(account, what, asked[what], now)))
    end
  end
end

-- Of accounts that older releases have made.
local ALERT_AT = '80 100'

-- The largest share of each budget that was passed since that was last told, as words: which, period, per cent.
local function alerts(account, words)
  for _, budget in ipairs(account.budgets) do
    local passed = '0'
    for percent in string.gmatch(account.alert_at or ALERT_AT, '%d+') do
      if tonumber(budget.spent) * 100 >= tonumber(percent) * tonumber(budget.most) then passed = percent end
    end
    if passed ~= budget.alerted then
      redis.call('HSET', budget.marked_in, budget.mark, passed)
      if tonumber(passed) > tonumber(budget.alerted) then
        for _, word in ipairs({account.which, budget.period, passed}) do words[#words + 1] = word end
      end
    end
  end
end

-- What the hard budgets of accounts leave beside `needed`; empty where there are none.
local function left_of(accounts, needed)
  local least
  for _, account in ipairs(accounts) do
    for _, budget in ipairs(account.soft and {} or account.budgets) do
      least = math.min(least or LARGEST, tonumber(budget.most) - taken(budget) - needed)
    end
  end
  return least and whole(math.max(0, least)) or ''
end

-- Whether the gateway has the right day and month, in the right zone; what it has to know if not.
local function astray(team, zone, ends, since)
  local right = team.zone or 'UTC'
  if right ~= zone then return {'zone', right} end
  local now = tonumber(redis.call('TIME')[1])
  for at, period in ipairs(PERIODS) do
    if now < tonumber(string.match(since, period.pattern)) or now >= ends[at] then
      return {'clock', whole(now_ms())}
    end
  end
end

-- reserve: sets money aside for calls of one key, the same for each, if the budgets and rates of the key and
-- its team allow all of them; else for none.
--   keys    team's account, key's account, open calls, ledger, then every call
--   args    key id, nanos for each, lease in ms, time zone, `since`, when the day ends, when the month ends, then
--           the id of every call
--   answer  {'open', 'capped'|'free', left, words of alerts, …, nanos held by each}, also for calls that hold it
--           already; capped: the team has caps on what it pays for dearer groups; left: what hard budgets leave
--           beside this, empty: there are none; alerts, after how many words they are: 'key'|'team', period, per cent
--           {'settled'|'voided'|'unsettled', call id}: this call has ended and holds nothing for another
--           {'over', 'key'|'team', period, budget, held, spent, words of alerts, …}: refused, nothing else was changed
--           {'fast', 'key'|'team', 'requests'|'pictures'|'concurrency', limit, ms to wait}: nothing was changed
--           {'unknown', 'key'|'team'}: no such account, or revoked; nothing was changed
--           {'zone', the team's} or {'clock', time in ms}: asked with another; nothing was changed
local function reserve(keys, args)
  local books = {team = keys[1], key = keys[2], open = keys[3], ledger = keys[4]}
  local nanos, lease_ms, since = amount(args[2]), tonumber(amount(args[3])), args[5]
  local key, team = account_of(books, 'key', args[1], since), account_of(books, 'team', 'team', since)
  local wrong = astray(team, args[4], {tonumber(args[6]), tonumber(args[7])}, since)
  if wrong then return wrong end
  local held, fresh = {}, {}
  for at = 5, #keys do
    local known = redis.call('HMGET', keys[at], 'state', 'held')
    if known[1] and known[1] ~= 'open' then return {known[1], args[at + 3]} end
    if not known[1] then fresh[#fresh + 1] = at end
    held[#held + 1] = known[2] or nanos
  end

  local accounts, told = {key, team}, {}
  local needed, asked, now = tonumber(nanos) * #fresh, {requests = 1, pictures = #fresh}, now_ms()
  for _, account in ipairs(#fresh > 0 and accounts or {}) do
    local refused = refusal(account, needed, asked, now)
    if refused and refused[1] == 'over' then
      for _, each in ipairs(accounts) do alerts(each, refused) end
    end
    if refused then return refused end
  end
  for _, account in ipairs(#fresh > 0 and accounts or {}) do note(account, asked, now) end
  for _, at in ipairs(fresh) do
    books.call = keys[at]
    hold(books, {id = args[at + 3], key = args[1], since = since}, nanos, lease_ms)
  end

  for _, account in ipairs(accounts) do alerts(account, told) end
  local capped = team.premium_hour or team.premium_day
  local answer = {'open', capped and 'capped' or 'free', left_of(accounts, needed), whole(#told)}
  for _, words in ipairs({told, held}) do
    for _, word in ipairs(words) do answer[#answer + 1] = word end
  end
  return answer
end

-- settle: ends a call with what it cost, whatever it held: a cost above the hold is recorded and
-- flagged, a hold that Redis has lost is made again first, a voided call is settled all the same.
--   keys    team's account, key's account, call, open calls, ledger, stem of the day's use
--   args    call id, key id, nanos held, nanos owed, then for the report: line, pictures, input
--           tokens, output tokens, then name and value of every fact the row is to tell; `saved` is
--           counted for the report too, and `since` is of a call that Redis has lost
--   answer  {'settled', nanos owed, nanos above the hold}, as it was settled first
local function settle(keys, args)
  local books, call, known = opened(keys, args[1], args[2])
  local held, owed = amount(args[3]), amount(args[4])
  local line, pictures, input, output = args[5], amount(args[6]), amount(args[7]), amount(args[8])
  if known[1] == 'settled' then return {'settled', known[3], known[4]} end

  local row, facts = {'do', 'settle', 'over', excess(owed, held)}, {saved = '0'}
  for at = 9, #args, 2 do
    local fact, value = args[at], args[at + 1]
    facts[fact] = value
    if fact ~= 'since' then row[#row + 1], row[#row + 2] = fact, value end
  end
  if not known[1] or known[1] == 'voided' then call.since = call.since or facts.since end
  if not known[1] then hold_again(books, call, held) end
  if not known[1] or known[1] == 'open' then running(books, call, -1) end
  local released = known[1] == 'voided' and '0' or known[2] or held

  move(books, call, row, minus(released), owed)
  finish(books, call, 'state', 'settled', 'held', held, 'spent', owed, 'over', row[4])

  local use = keys[6] .. today()
  local counts = {calls = '1', pictures = pictures, input = input, output = output, nanos = owed, saved = facts.saved}
  for what, count in pairs(counts) do redis.call('HINCRBY', use, line .. '|' .. what, count) end
  return {'settled', owed, row[4]}
end

-- void: ends a call that owes nothing. A call never heard of is marked as ended, so that a
-- reservation that arrives after it holds nothing; a settled call stays settled.
--   keys    team's account, key's account, call, open calls, ledger
--   args    call id, key id, why
--   answer  {'voided'|'settled'}: how the call stands now
local function void(keys, args)
  local books, call, known = opened(keys, args[1], args[2])
  if known[1] == 'settled' then return {'settled'} end
  if known[1] == 'open' or known[1] == 'unsettled' then
    if known[1] == 'open' then running(books, call, -1) end
    move(books, call, {'do', 'void', 'why', args[3]}, minus(known[2]), '0')
  end
  finish(books, call, 'state', 'voided')
  return {'voided'}
end

-- lapsed: calls that hold money and whose time is over: that of their lease, or as `unsettled`.
--   keys    open calls, stem of a call's name
--   args    how many at most
--   answer  {call id, key id, nanos held, call id …}
local function lapsed(keys, args)
  local answer = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', keys[1], '-inf', now_ms(), 'LIMIT', 0, args[1])) do
    local known = redis.call('HMGET', keys[2] .. id, 'key', 'held')
    for _, word in ipairs({id, known[1] or '', known[2] or '0'}) do answer[#answer + 1] = word end
  end
  return answer
end

-- expire: a call of which nothing was heard in time is `unsettled`: whether it was billed, nobody knows. It
-- goes on holding its money, for so long, for whoever may still know. A call whose time as `unsettled` is over is
-- told, and left as it is.
--   keys    team's account, key's account, call, open calls, ledger
--   args    call id, key id, in ms how long it may be unsettled
--   answer  {'unsettled', nanos held}, {'over', nanos held}, or how else the call stands
local function expire(keys, args)
  local books, call, known = opened(keys, args[1], args[2])
  local ends = redis.call('ZSCORE', books.open, args[1])
  if not ends or tonumber(ends) > now_ms() then return {known[1] or 'unknown'} end
  if known[1] == 'unsettled' then return {'over', known[2]} end
  redis.call('HSET', books.call, 'state', 'unsettled')
  redis.call('ZADD', books.open, whole(now_ms() + tonumber(amount(args[3]))), args[1])
  running(books, call, -1)
  move(books, call, {'do', 'unsettled'}, '0', '0')
  return {'unsettled', known[2]}
end

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
  add(keys[1], held, spent, row, 'operator')
  redis.call('XADD', keys[3], '*', unpack(row))
  return {'recorded', nanos}
end

local function last_row(ledger)
  local found = redis.call('XREVRANGE', ledger, '+', '-', 'COUNT', 1)
  return found[1] and found[1][1] or '0-0'
end

-- Sums that are made here may be above what a double can hold: dollars and nano-dollars are added up apart.
local NANOS = 1e9

local function plus(sum, nanos)
  local dollars, rest = sum and sum[1] or 0, (sum and sum[2] or 0) + tonumber(nanos)
  return {dollars + math.floor(rest / NANOS), rest % NANOS}
end

local function exactly(sum)
  return sum and string.format('%.0f%09.0f', sum[1], sum[2]) or '0'
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
  local function tell(name, account)
    local held, spent = sums(account)
    local words = {name, held, spent, exactly(opened[name])}
    words[5], words[6] = redis.call('HGET', account, 'running') or '0', whole(run[name] or 0)
    for _, period in ipairs(PERIODS) do
      local counted = sums_of(period, keys[1], args[1])
      for _, what in ipairs({'held', 'spent'}) do
        words[#words + 1] = redis.call('HGET', counted, name .. '|' .. what) or '0'
      end
    end
    for _, word in ipairs(words) do answer[#answer + 1] = word end
  end
  tell('team', keys[1])
  for _, id in ipairs(redis.call('HKEYS', keys[2])) do tell(id, keys[5] .. id) end
  return answer
end

-- operator_sums: the same of the operator's account.
--   keys    operator's account, operator's ledger
--   answer  {name of the last row, held, spent}
local function operator_sums(keys)
  local held, spent = sums(keys[1])
  return {last_row(keys[2]), held, spent}
end

offer('reserve', reserve)
offer('settle', settle)
offer('void', void)
offer('lapsed', lapsed)
offer('expire', expire)
offer('operator', operator)
offer('sums', sums_now)
offer('operator_sums', operator_sums)
