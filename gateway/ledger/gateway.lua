#!lua name=gateway_VERSION

-- The books: every step that moves money, each of them whole or not at all. The other files of the library come
-- behind this one, and use its first few functions.
--
-- A call is known by its id and ends once, `settled` or `voided`; until then it holds money, `open` while its
-- process is expected to end it, and `unsettled` when that has not been heard of for too long. Every function may
-- be called any number of times, and in any order: what has been done is not done again, and a charge is recorded
-- whatever came before it, because the upstream has billed it.
--
-- Amounts are whole nano-dollars as decimal strings. Lua's numbers are doubles, exact to 2^53: larger sums are made
-- digit by digit, and only comparisons are made of them as they are. These are exact: no amount and no budget is
-- above 9e15, and rounding cannot bring a larger sum below that.
--
-- A row of a ledger says what was done, the amounts added to `held` and `spent`, and what every account of it had
-- after that, so that all balances can be computed again from the rows.
--
-- What is held and spent is counted in all, and for the day and the month too in which a call was admitted. When
-- these begin, in the time zone of the team, is for the gateway to say; this server's clock says whether it is so.
--
-- A function reads an account once, and writes it once.

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
  return string.format('%d', number)
end

-- What is above zero of `a - b`.
local function excess(a, b)
  return whole(math.max(0, tonumber(a) - tonumber(b)))
end

-- A sum that may be above what a double can hold: dollars and nano-dollars are added up apart.
local NANOS = 1e9

local function parts(text)
  local sign, dollars, rest = string.match(text, '^(%-?)(%d-)(%d?%d?%d?%d?%d?%d?%d?%d?%d)$')
  local by = sign == '-' and -1 or 1
  return by * (tonumber(dollars) or 0), by * tonumber(rest)
end

local function plus(sum, text)
  local dollars, rest = parts(text)
  dollars, rest = (sum and sum[1] or 0) + dollars, (sum and sum[2] or 0) + rest
  return {dollars + math.floor(rest / NANOS), rest % NANOS}
end

local function exactly(sum)
  if not sum then return '0' end
  local dollars, rest = unpack(sum)
  local sign = ''
  if dollars < 0 then
    sign, dollars, rest = '-', -dollars, -rest
    if rest < 0 then dollars, rest = dollars - 1, rest + NANOS end
  end
  return dollars == 0 and sign .. whole(rest) or sign .. string.format('%.0f%09.0f', dollars, rest)
end

local function total(a, b)
  if #a > 15 or #b > 15 then return exactly(plus(plus(nil, a), b)) end
  return whole(a + b)
end

local function less(a, b)
  return total(a, string.sub(b, 1, 1) == '-' and string.sub(b, 2) or minus(b))
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function today()
  return whole(math.floor(redis.call('TIME')[1] / 86400))
end

-- An account, by the name that sums beside it have for it: 'team', or a key's id. What changes with every call is in
-- it, and what is to be written; rows tell of it as `which`.
local function account_of(place, which, id)
  local found = redis.call(
    'HMGET', place, 'held', 'spent', 'running', 'day', 'day_held0', 'day_spent0', 'month', 'month_held0',
    'month_spent0', 'created', 'revoked', 'terms'
  )
  return {
    place = place, which = which, id = id, words = {}, places = {},
    held = found[1] or '0', spent = found[2] or '0', running = found[3] or '0',
    day = found[4], day_held0 = found[5], day_spent0 = found[6],
    month = found[7], month_held0 = found[8], month_spent0 = found[9],
    created = found[10], revoked = found[11], terms = found[12],
  }
end

local function write(account, field, value)
  local words, place = account.words, account.places[field]
  if not place then
    place = #words + 1
    words[place], account.places[field] = field, place
  end
  words[place + 1], account[field] = value, value
end

local function add(account, field, text)
  if text ~= '0' then write(account, field, total(account[field], text)) end
end

local function save(account)
  if account.words[1] then redis.call('HSET', account.place, unpack(account.words)) end
  account.words, account.places = {}, {}
end

-- Adds to what an account holds and has spent; what these are then, as a row tells it.
local function post(account, held, spent)
  add(account, 'held', held)
  add(account, 'spent', spent)
  return account.held .. ' ' .. account.spent
end

-- The day and the month that a call counts in, as `since` has the seconds in which they begin: "86400 0". An account
-- knows in which calls are admitted now, and how much of what it holds and has spent is not of these (`held0`,
-- `spent0`). What there is of others is in a hash beside it, of the team and of its keys under their names.
local PERIODS = {
  {name = 'day', held0 = 'day_held0', spent0 = 'day_spent0', alerted = 'day_alerted', kept_s = 62 * 24 * 3600},
  {name = 'month', held0 = 'month_held0', spent0 = 'month_spent0', alerted = 'month_alerted', kept_s = 400 * 24 * 3600},
}

local function begins_of(since)
  local day, month = string.match(since, '^(%d+) (%d+)$')
  return {day = day, month = month}
end

local function sums_beside(books, period, begins)
  return string.gsub(books.team.place, 'acct$', 'sums:') .. period.name .. ':' .. begins
end

local function count_beside(books, account, period, begins, held, spent)
  local beside = sums_beside(books, period, begins)
  if held ~= '0' then redis.call('HINCRBY', beside, account.id .. '|held', held) end
  if spent ~= '0' then redis.call('HINCRBY', beside, account.id .. '|spent', spent) end
  redis.call('EXPIRE', beside, period.kept_s)
end

local function found_beside(books, account, period, begins)
  local found = redis.call('HMGET', sums_beside(books, period, begins), account.id .. '|held', account.id .. '|spent')
  return found[1] or '0', found[2] or '0'
end

-- What an account holds and has spent of the day or month that it knows.
local function counted(account, period)
  return less(account.held, account[period.held0]), less(account.spent, account[period.spent0])
end

local function begin_with(account, period, begins, held, spent)
  write(account, period.name, begins)
  write(account, period.held0, less(account.held, held))
  write(account, period.spent0, less(account.spent, spent))
  write(account, period.alerted, '0')
end

-- Has the account count in this day and month: what it has of others goes beside, and what is there of these comes in.
local function turn(books, account, begins)
  for _, period in ipairs(PERIODS) do
    local now, before = begins[period.name], account[period.name]
    if now ~= before then
      if before then count_beside(books, account, period, before, counted(account, period)) end
      begin_with(account, period, now, found_beside(books, account, period, now))
      redis.call('HDEL', sums_beside(books, period, now), account.id .. '|held', account.id .. '|spent')
    end
  end
end

-- What an account holds and has spent of a day or a month, wherever that is.
local function sums_in(books, account, period, begins)
  if account[period.name] == begins then return {counted(account, period)} end
  return {found_beside(books, account, period, begins)}
end

-- What is added to an account for a call counts in the call's day and month. Calls of older releases have none.
local function count(books, account, begins, held, spent)
  for _, period in ipairs(PERIODS) do
    local begun = begins[period.name]
    if begun ~= account[period.name] then
      if account[period.name] then
        add(account, period.held0, held)
        add(account, period.spent0, spent)
      end
      if begun then count_beside(books, account, period, begun, held, spent) end
    end
  end
end

local function add_to(books, account, call, held, spent, run)
  count(books, account, call.begins, held, spent)
  if call.since then add(account, 'running', run) end
  return post(account, held, spent)
end

-- The one place where a team's money moves: both accounts, their sums of the day and month, how many calls run, and
-- the row that says so, with facts of its own.
local function move(books, call, what, held, spent, run, facts)
  local row = {
    'do', what, 'call', call.id, 'key', call.key, 'held', held, 'spent', spent,
    'team_after', add_to(books, books.team, call, held, spent, run),
    'key_after', add_to(books, books.key, call, held, spent, run),
  }
  if call.since then row[#row + 1], row[#row + 2] = 'since', call.since end
  for _, word in ipairs(facts or {}) do row[#row + 1] = word end
  redis.call('XADD', books.ledger, '*', unpack(row))
end

local function call_of(id, key, since)
  return {id = id, key = key, since = since, begins = since and begins_of(since) or {}}
end

local function hold(books, call, nanos, until_ms)
  local record = {'state', 'open', 'key', call.key, 'held', nanos}
  if call.since then record[7], record[8] = 'since', call.since end
  redis.call('HSET', books.call, unpack(record))
  redis.call('ZADD', books.open, until_ms, call.id)
  move(books, call, 'reserve', nanos, '0', '1')
end

-- A call that Redis has lost: it holds its money again. With it Redis may have lost who has the key; nobody can call
-- with that, but it is in its team's index, or whoever adds up would not find its account.
local function hold_again(books, call, nanos)
  if not books.key.created then redis.call('HSET', string.gsub(books.team.place, 'acct$', 'keys'), call.key, '') end
  hold(books, call, nanos, whole(now_ms()))
end

local function finish(books, call, ...)
  for _, account in ipairs({books.team, books.key}) do save(account) end
  redis.call('ZREM', books.open, call.id)
  redis.call('HSET', books.call, 'key', call.key, ...)
  redis.call('EXPIRE', books.call, REMEMBERED_S)
end

-- The books of a team as the functions that end a call are given them, the call, and how it stands.
local function opened(keys, id, key)
  local books = {team = account_of(keys[1], 'team', 'team'), key = account_of(keys[2], 'key', key)}
  books.call, books.open, books.ledger = keys[3], keys[4], keys[5]
  local known = redis.call('HMGET', books.call, 'state', 'held', 'spent', 'over', 'since')
  return books, call_of(id, key, known[5] or nil), known
end

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

local function sums_of(account, budget)
  if budget.period then return counted(account, budget.period) end
  return account.held, account.spent
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
  if not account.limited then return end
  for _, budget in ipairs(account.soft and {} or BUDGETS) do
    local most = account[budget.most]
    if most then
      local held, spent = sums_of(account, budget)
      if held + spent + needed > tonumber(most) then return {'over', which, budget.name, most, held, spent} end
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
  for _, budget in ipairs(account.limited and BUDGETS or {}) do
    local most, told, passed = account[budget.most], account[budget.alerted] or '0', '0'
    local _, spent = sums_of(account, budget)
    if most and spent * 100 >= (string.match(at, '%d+') or 100) * most then
      for percent in string.gmatch(at, '%d+') do
        if spent * 100 >= percent * most then passed = percent end
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
    for _, budget in ipairs(account.limited and not account.soft and BUDGETS or {}) do
      local most = account[budget.most]
      if most then
        local held, spent = sums_of(account, budget)
        least = math.min(least or LARGEST, most - (held + spent))
      end
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
  local books = {team = account_of(keys[1], 'team', 'team'), key = account_of(keys[2], 'key', args[1])}
  books.open, books.ledger = keys[3], keys[4]
  local nanos, since, now = amount(args[2]), args[5], now_ms()
  local until_ms = whole(now + tonumber(amount(args[3])))
  local accounts, begins = {books.key, books.team}, begins_of(since)
  for _, account in ipairs(accounts) do limit(account) end
  local wrong = astray(books.team, args[4], begins, {day = args[6], month = args[7]}, now)
  if wrong then return wrong end
  local held, fresh = {}, {}
  for at = 5, #keys do
    local known = redis.call('HMGET', keys[at], 'state', 'held')
    if known[1] and known[1] ~= 'open' then return {known[1], args[at + 3]} end
    if not known[1] then fresh[#fresh + 1] = at end
    held[#held + 1] = known[2] or nanos
  end

  local told, needed, asked, refused = {}, tonumber(nanos) * #fresh, {requests = 1, pictures = #fresh}, nil
  for _, account in ipairs(accounts) do
    turn(books, account, begins)
    refused = refused or (fresh[1] and refusal(account, needed, asked, now))
  end
  if not refused then
    for _, account in ipairs(fresh[1] and accounts or {}) do note(account, asked, now) end
    for _, at in ipairs(fresh) do
      books.call = keys[at]
      hold(books, {id = args[at + 3], key = args[1], since = since, begins = begins}, nanos, until_ms)
    end
  end
  for _, account in ipairs(accounts) do
    if not refused or refused[1] == 'over' then alerts(account, refused or told) end
    save(account)
  end
  if refused then return refused end

  local capped = books.team.premium_hour or books.team.premium_day
  local answer = {'open', capped and 'capped' or 'free', left_of(accounts), whole(#told)}
  for _, words in ipairs({told, held}) do
    for _, word in ipairs(words) do answer[#answer + 1] = word end
  end
  return answer
end

-- What a charge counts as on its line of the day, a field for each, and of the hour, all of them as words of one field
-- in this order: so an hour costs a third of the bytes. Of one line and hour no count is above 2^53.
local COUNTED = {'calls', 'pictures', 'input', 'output', 'nanos', 'saved', 'list', 'below'}
local HOURS_KEPT_S = 32 * 24 * 3600

-- What somebody paid for and does not have is counted beside, by the day alone.
local function count_waste(use, line, what, owed)
  redis.call('HINCRBY', use, line .. '|' .. what, 1)
  redis.call('HINCRBY', use, line .. '|' .. what .. '_nanos', owed)
end

local function count_use(stem, line, counts)
  local now = redis.call('TIME')[1]
  local day, hour, sums = stem .. whole(math.floor(now / 86400)), stem .. 'hour:' .. whole(math.floor(now / 3600)), {}
  for word in string.gmatch(redis.call('HGET', hour, line) or '', '%S+') do sums[#sums + 1] = word end
  for at, what in ipairs(COUNTED) do
    if counts[what] then redis.call('HINCRBY', day, line .. '|' .. what, counts[what]) end
    sums[at] = whole(tonumber(sums[at] or '0') + tonumber(counts[what] or '0'))
  end
  redis.call('HSET', hour, line, table.concat(sums, ' '))
  redis.call('EXPIRE', hour, HOURS_KEPT_S)
end

-- settle: ends a call with what it cost, whatever it held: a cost above the hold is recorded and
-- flagged, a hold that Redis has lost is made again first, a voided call is settled all the same.
--   keys    team's account, key's account, call, open calls, ledger, stem of the use of a day
--   args    call id, key id, nanos held, nanos owed, then for the report: line, pictures, input
--           tokens, output tokens, then name and value of every fact the row is to tell; `saved` is
--           counted for the report too, and `since` is of a call that Redis has lost
--   answer  {'settled', nanos owed, nanos above the hold}, as it was settled first
local function settle(keys, args)
  local books, call, known = opened(keys, args[1], args[2])
  local held, owed = amount(args[3]), amount(args[4])
  local line, pictures, input, output = args[5], amount(args[6]), amount(args[7]), amount(args[8])
  if known[1] == 'settled' then return {'settled', known[3], known[4]} end

  local over = excess(owed, held)
  local words, facts = {'over', over}, {saved = '0'}
  for at = 9, #args, 2 do
    local fact, value = args[at], args[at + 1]
    facts[fact] = value
    if fact ~= 'since' then words[#words + 1], words[#words + 2] = fact, value end
  end
  local listed = facts.list and amount(facts.list)
  if not known[1] or known[1] == 'voided' then call = call_of(call.id, call.key, call.since or facts.since) end
  if not known[1] then hold_again(books, call, held) end
  local run = (not known[1] or known[1] == 'open') and '-1' or '0'
  local released = known[1] == 'voided' and '0' or known[2] or held

  move(books, call, 'settle', minus(released), owed, run, words)
  finish(books, call, 'state', 'settled', 'spent', owed, 'over', over)
  redis.call('HDEL', books.call, 'held', 'since')  -- nobody asks it for these any more, and it is kept for long

  local counts = {calls = '1', pictures = pictures, input = input, output = output, nanos = owed, saved = facts.saved}
  if listed then counts.list, counts.below = listed, whole(tonumber(listed) - tonumber(owed)) end
  count_use(keys[6], line, counts)
  if pictures == '0' then
    count_waste(keys[6] .. today(), line, 'bare', owed)
  elseif facts.left then
    count_waste(keys[6] .. today(), line, 'left', owed)
  end
  return {'settled', owed, over}
end

-- void: ends a call that owes nothing. A call never heard of is marked as ended, so that a
-- reservation that arrives after it holds nothing; a settled call stays settled.
--   keys    team's account, key's account, call, open calls, ledger
--   args    call id, key id, why, then name and value of every fact the row is to tell
--   answer  {'voided'|'settled'}: how the call stands now
local function void(keys, args)
  local books, call, known = opened(keys, args[1], args[2])
  if known[1] == 'settled' then return {'settled'} end
  if known[1] == 'open' or known[1] == 'unsettled' then
    local run = known[1] == 'open' and '-1' or '0'
    move(books, call, 'void', minus(known[2]), '0', run, {'why', unpack(args, 3)})
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
  move(books, call, 'unsettled', '0', '0', '-1')
  for _, account in ipairs({books.team, books.key}) do save(account) end
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
  local account = account_of(keys[1], 'operator')
  row[#row + 1], row[#row + 2] = 'operator_after', post(account, held, spent)
  save(account)
  redis.call('XADD', keys[3], '*', unpack(row))
  return {'recorded', nanos}
end

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

offer('reserve', reserve)
offer('settle', settle)
offer('void', void)
offer('lapsed', lapsed)
offer('expire', expire)
offer('operator', operator)
offer('sums', sums_now)
offer('operator_sums', operator_sums)
