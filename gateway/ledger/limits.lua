-- What a team or a key may: budgets, rates, and what is told of them.

-- What a team or a key may, as its record has it; the last three are of teams alone.
local TERMS = {
  'budget', 'budget_day', 'budget_month', 'soft', 'alert_at', 'requests', 'pictures', 'concurrency',
  'zone', 'premium_hour', 'premium_day',
}

local EACH = '([^|]*)|'
local AS_TEXT = '^' .. EACH .. EACH .. EACH .. EACH .. EACH .. EACH .. EACH .. EACH .. EACH .. EACH .. '([^|]*)$'

-- All of it in one text, which is in the record too: empty where nothing is limited, and days are those of UTC.
local function terms_of(place)
  local found, limited = redis.call('HMGET', place, unpack(TERMS)), false
  for at, field in ipairs(TERMS) do
    found[at] = found[at] or ''
    limited = limited or (found[at] ~= '' and field ~= 'alert_at' and not (field == 'zone' and found[at] == 'UTC'))
  end
  return limited and table.concat(found, '|') or ''
end

-- Reads of an account what it may, and what was told of it and asked of it lately. Older releases write no terms.
local function limit(account)
  local terms = account.terms or terms_of(account.place)
  if terms == '' then return end
  for at, value in ipairs({string.match(terms, AS_TEXT)}) do
    if value ~= '' then account[TERMS[at]] = value end
  end
  local marks = redis.call(
    'HMGET', account.place, 'alerted', 'day_alerted', 'month_alerted', 'requests_at', 'pictures_at'
  )
  account.limited = true
  account.alerted, account.requests_at, account.pictures_at = marks[1], marks[4], marks[5]
  account.day_alerted, account.month_alerted = marks[2], marks[3]
end

-- The budgets that an account may have: where the most is written, what it is for, and where what was told of it.
local BUDGETS = {
  {name = 'total', most = 'budget', alerted = 'alerted'},
  {name = 'day', most = 'budget_day', period = PERIODS[1], alerted = 'day_alerted'},
  {name = 'month', most = 'budget_month', period = PERIODS[2], alerted = 'month_alerted'},
}

-- Those that it has. What it holds and has spent of each is what it does in all, above `held0` and `spent0`.
local function budgets_of(account)
  local budgets = {}
  for _, each in ipairs(account.limited and BUDGETS or {}) do
    local most, period = account[each.most], each.period
    if most then
      budgets[#budgets + 1] = {
        name = each.name, most = most, alerted = each.alerted,
        held0 = period and account[period.held0] or '0', spent0 = period and account[period.spent0] or '0',
      }
    end
  end
  return budgets
end

-- As numbers: what an account has spent of a budget, and what it holds and has spent.
local function spent_of(account, budget)
  if #account.spent > DIGITS then return tonumber(less(account.spent, budget.spent0)) end
  return account.spent - budget.spent0
end

local function taken_of(account, budget)
  local spent = spent_of(account, budget)
  if #account.held > DIGITS then return tonumber(less(account.held, budget.held0)) + spent end
  return account.held - budget.held0 + spent
end

-- What `most` a minute come to: the time, in ms, at which as many may come again as have come, which runs ahead of
-- the clock by a minute at most.
local MINUTE_MS = 60000

local function next_at(account, what, count, now)
  return math.max(tonumber(account[what .. '_at'] or '0'), now) + count * MINUTE_MS / tonumber(account[what])
end

-- That there is no such account, or no longer; nil: there is.
local function stranger(account)
  if not account.created or account.revoked then return {'unknown', account.which} end
end

-- Why an account cannot take calls that need so much together; nil when it can.
local function refusal(account, needed, asked, now)
  local which = account.which
  if not account.limited then return end
  for _, budget in ipairs(account.soft and {} or account.budgets) do
    if taken_of(account, budget) + needed > tonumber(budget.most) then
      local held, spent = less(account.held, budget.held0), less(account.spent, budget.spent0)
      return {'over', which, budget.name, budget.most, held, spent}
    end
  end
  for _, what in ipairs({'requests', 'pictures'}) do
    local wait_ms = account[what] and next_at(account, what, asked[what], now) - now - MINUTE_MS or 0
    if wait_ms > 0.001 then return {'fast', which, what, account[what], whole(math.ceil(wait_ms))} end
  end
  local most = account.concurrency
  if most and tonumber(account.running) + asked.pictures > tonumber(most) then
    return {'fast', which, 'concurrency', most, '0'}
  end
end

-- Takes note that an account was asked.
local function note(account, asked, now)
  for _, what in ipairs({'requests', 'pictures'}) do
    if account[what] then
      write(account, what .. '_at', string.format('%.3f', next_at(account, what, asked[what], now)))
    end
  end
end

-- Of accounts that older releases have made.
local ALERT_AT = '80 100'

-- The largest share of each budget that was passed since that was last told, as words: which, period, per cent.
local function alerts(account, words)
  local at = account.alert_at or ALERT_AT
  for _, budget in ipairs(account.budgets) do
    local spent, told, passed = spent_of(account, budget) * 100, account[budget.alerted] or '0', '0'
    if spent >= (string.match(at, '%d+') or 100) * budget.most then
      for percent in string.gmatch(at, '%d+') do
        if spent >= percent * budget.most then passed = percent end
      end
    end
    if passed ~= told then
      write(account, budget.alerted, passed)
      if tonumber(passed) > tonumber(told) then
        for _, word in ipairs({account.which, budget.name, passed}) do words[#words + 1] = word end
      end
    end
  end
end

-- What the hard budgets of accounts leave; empty where there are none.
local function left_of(accounts)
  local least
  for _, account in ipairs(accounts) do
    for _, budget in ipairs(account.soft and {} or account.budgets) do
      least = math.min(least or LARGEST, budget.most - taken_of(account, budget))
    end
  end
  return least and whole(math.max(0, least)) or ''
end

-- Whether the gateway has the right day and month, in the right zone; what it has to know if not.
local function astray(team, zone, begins, ends, now)
  local right = team.zone or 'UTC'
  if right ~= zone then return {'zone', right} end
  for _, period in ipairs(PERIODS) do
    local begun, over = now >= 1000 * begins[period.name], now >= 1000 * ends[period.name]
    if over or not begun then return {'clock', whole(now)} end
  end
end
