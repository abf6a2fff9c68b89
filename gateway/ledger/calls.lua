-- Calls: money is set aside for them, and they end.

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

local function hold(books, call, nanos)
  local record = {'state', 'open', 'key', call.key, 'held', nanos}
  if call.since then record[7], record[8] = 'since', call.since end
  redis.call('HSET', books.call, unpack(record))
  move(books, call, 'reserve', nanos, '0', '1')
end

-- A call that Redis has lost: it holds its money again. With it Redis may have lost who has the key; nobody can call
-- with that, but it is in its team's index, or whoever adds up would not find its account.
local function hold_again(books, call, nanos)
  if not books.key.created then redis.call('HSET', string.gsub(books.team.place, 'acct$', 'keys'), call.key, '') end
  redis.call('ZADD', books.open, whole(now_ms()), call.id)
  hold(books, call, nanos)
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

-- A request for some calls of a key, the same for each, read from the words at `at`: what they need, and what it claims.
-- Its keys begin at `place`. Also how many keys and words it has.
local function request_of(keys, place, args, at)
  local count = tonumber(args[at + 2])
  local own, ids = {unpack(keys, place, place + count - 1)}, {unpack(args, at + 3, at + 2 + count)}
  local request = {nanos = amount(args[at]), lease_ms = tonumber(amount(args[at + 1])), keys = own, ids = ids}
  if args[at + 3 + count] ~= '' then request.claim, request.place = args[at + 3 + count], keys[place + count] end
  return request, request.claim and count + 1 or count, 4 + count
end

-- What a request without calls is told: what it claims, or that it holds nothing.
local function claimed_alone(books, request, now)
  local found = stranger(books.key) or stranger(books.team)
  return found or (request.claim and claimed(request.place, request.claim, now)) or {'open', 'free', '', '0'}
end

-- Sets money aside for all calls of a request, or for none; the answer to it.
local function admitted(books, request, key, begun, now)
  if not request.ids[1] then return claimed_alone(books, request, now) end
  local held, fresh = {}, {}
  for at, place in ipairs(request.keys) do
    local state = redis.call('HGET', place, 'state')
    if state and state ~= 'open' then return {state, request.ids[at]} end
    if not state then fresh[#fresh + 1] = at end
    held[at] = state and redis.call('HGET', place, 'held') or request.nanos
  end

  local accounts, told, refused = {books.key, books.team}, {}, nil
  if fresh[1] then
    local found = stranger(books.key) or stranger(books.team) or (request.claim and claimed(request.place, request.claim, now))
    if found then return found end
    local needed, asked = request.nanos * #fresh, {requests = 1, pictures = #fresh}
    refused = refusal(books.key, needed, asked, now) or refusal(books.team, needed, asked, now)
    for _, account in ipairs(refused and {} or accounts) do note(account, asked, now) end
  end
  for _, at in ipairs(refused and {} or fresh) do
    books.call = request.keys[at]
    local call = {id = request.ids[at], key = key, since = begun.since, begins = begun.begins}
    hold(books, call, request.nanos)
    books.opened[#books.opened + 1], books.opened[#books.opened + 2] = whole(now + request.lease_ms), call.id
  end
  if not books.alerted and (not refused or refused[1] == 'over') then
    for _, account in ipairs(accounts) do alerts(account, refused or told) end
    books.alerted = true  -- setting money aside passes no share of a budget
  end
  if refused then
    if refused[1] == 'fast' and request.claim then refused_claim(request.place, request.claim) end
    return refused
  end
  if fresh[1] and request.claim then begun_once(request.place, request.claim) end

  local capped = books.team.premium_hour or books.team.premium_day
  local answer = {'open', capped and 'capped' or 'free', left_of(accounts), whole(#told)}
  for _, words in ipairs({told, held}) do
    for _, word in ipairs(words) do answer[#answer + 1] = word end
  end
  return answer
end

-- reserve: sets money aside for requests of one key, one after the other: for all calls of a request, the same for
-- each, if the budgets and rates of the key and its team allow all of them; else for none of them.
--   keys    team's account, key's account, open calls, ledger, then of every request its calls, and where it claims
--   args    key id, time zone, `since`, when the day ends, when the month ends, then of every request: nanos for each
--           call, lease in ms, how many calls, the id of every call, and its claim, or an empty text
--   answer  for every request one of these:
--           {'open', 'capped'|'free', left, words of alerts, …, nanos held by each}, also for calls that hold it
--           already; capped: the team has caps on what it pays for dearer groups; left: what hard budgets leave
--           beside this, empty: there are none; alerts, after how many words they are: 'key'|'team', period, per cent
--           {'claimed', call id, state, owner}: there is an answer for it already; nothing was set aside
--           {'reused'}: its Idempotency-Key is that of another request; nothing was changed
--           {'settled'|'voided'|'unsettled', call id}: this call has ended and holds nothing for another
--           {'over', 'key'|'team', period, budget, held, spent, words of alerts, …}: refused, nothing else was changed
--           {'fast', 'key'|'team', 'requests'|'pictures'|'concurrency', limit, ms to wait}: nothing was changed
--           {'unknown', 'key'|'team'}: no such account, or revoked; nothing was changed
--           or, for all of them, {'zone', the team's} or {'clock', time in ms}: asked with another; nothing was changed
local function reserve(keys, args)
  local requests, place, at = {}, 5, 6
  while args[at] do  -- all are read before anything is written
    local request, places, words = request_of(keys, place, args, at)
    requests[#requests + 1] = request
    place, at = place + places, at + words
  end
  local books = {team = account_of(keys[1], 'team', 'team'), key = account_of(keys[2], 'key', args[1])}
  books.open, books.ledger, books.opened = keys[3], keys[4], {}
  local accounts, now = {books.key, books.team}, now_ms()
  local begun = {since = args[3], begins = begins_of(args[3])}
  for _, account in ipairs(accounts) do limit(account) end
  local wrong = astray(books.team, args[2], begun.begins, {day = args[4], month = args[5]}, now)
  if wrong then return {wrong} end

  for _, account in ipairs(accounts) do
    if account.created then turn(books, account, begun.begins) end
    account.budgets = budgets_of(account)
  end
  local answers = {}
  for number, request in ipairs(requests) do answers[number] = admitted(books, request, args[1], begun, now) end
  for _, account in ipairs(accounts) do save(account) end
  if books.opened[1] then redis.call('ZADD', books.open, unpack(books.opened)) end
  return answers
end

-- What a charge counts as on its line of the day, a field for each, and of the hour, all of them as words of one field
-- in this order: so an hour costs a third of the bytes. Of one line and hour no count is above 2^53.
local COUNTED = {'calls', 'pictures', 'input', 'output', 'nanos', 'saved', 'list', 'below'}
local HOURS_KEPT_S = 32 * 24 * 3600

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
    count_waste(keys[6] .. today(), line, 'bare', '1', owed)
  elseif facts.left and redis.call('HDEL', books.call, 'given') == 0 then
    count_waste(keys[6] .. today(), line, 'left', '1', owed)
    redis.call('HSET', books.call, 'left', today() .. ' ' .. line)
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

offer('reserve', reserve)
offer('settle', settle)
offer('void', void)
offer('lapsed', lapsed)
offer('expire', expire)
