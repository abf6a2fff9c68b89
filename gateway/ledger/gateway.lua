#!lua name=gateway_VERSION

-- The books: every step that moves money, each of them whole or not at all. And, at the end, what replicas
-- tell each other of how the groups are, which is evidence and no money.
--
-- A call is known by its id and ends once, `settled` or `voided`; until then it holds money, `open` while its
-- process is expected to end it, and `unsettled` when that has not been heard of for too long. Every function may be called any
-- number of times, and in any order: what has been done is not done again, and a charge is recorded
-- whatever came before it, because the upstream has billed it.
--
-- Amounts are whole nano-dollars as decimal strings. Lua's numbers are doubles, exact to 2^53, so
-- sums are left to HINCRBY and only comparisons are made here. These are exact: no amount and no
-- budget is above 9e15, and rounding cannot bring a larger sum below that.
--
-- A row of a ledger says what was done, the amounts added to `held` and `spent`, and both sums of
-- every account before and after, so that all balances can be computed again from the rows.

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

-- What is above zero of `a - b`.
local function excess(a, b)
  return string.format('%.0f', math.max(0, tonumber(a) - tonumber(b)))
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function today()
  return string.format('%.0f', math.floor(redis.call('TIME')[1] / 86400))
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

-- The one place where a team's money moves: both accounts and the row that says so.
local function move(books, row, held, spent)
  for _, word in ipairs({'held', held, 'spent', spent}) do row[#row + 1] = word end
  add(books.team, held, spent, row, 'team')
  add(books.key, held, spent, row, 'key')
  redis.call('XADD', books.ledger, '*', unpack(row))
end

local function hold(books, call, nanos, lease_ms)
  redis.call('HSET', books.call, 'state', 'open', 'key', call.key, 'held', nanos)
  redis.call('ZADD', books.open, string.format('%.0f', now_ms() + lease_ms), call.id)
  move(books, {'do', 'reserve', 'call', call.id, 'key', call.key}, nanos, '0')
end

local function finish(books, call, ...)
  redis.call('ZREM', books.open, call.id)
  redis.call('HSET', books.call, 'key', call.key, ...)
  redis.call('EXPIRE', books.call, REMEMBERED_S)
end

-- What an account says of its budget, nil where it has none, and whether it is there and was not revoked.
local function budget_of(account)
  local found = redis.call('HMGET', account, 'created', 'revoked', 'budget', 'held', 'spent')
  local budget = found[3] and found[3] ~= '' and found[3] or nil
  return {live = found[1] and not found[2], budget = budget, held = found[4] or '0', spent = found[5] or '0'}
end

local function taken(found)
  return tonumber(found.held) + tonumber(found.spent)
end

-- Why an account cannot take `needed` more; nil when it can.
local function refusal(which, account, needed)
  local found = budget_of(account)
  if not found.live then return {'unknown', which} end
  if not found.budget or taken(found) + needed <= tonumber(found.budget) then return nil end
  return {'over', which, found.budget, found.held, found.spent}
end

-- What an account's budget leaves; nil where it has none.
local function left_of(account)
  local found = budget_of(account)
  return found.budget and math.max(0, tonumber(found.budget) - taken(found))
end

-- reserve: sets money aside for calls of one key, the same for each, if the budgets of the key and
-- its team allow all of it; else for none.
--   keys    team's account, key's account, open calls, ledger, then every call
--   args    key id, nanos for each, lease in ms, then the id of every call
--   answer  {'open', 'capped'|'free', left, nanos held by each}, also for calls that hold it already; capped: the
--           team has caps on what it pays for dearer groups; left: what budgets leave beside this, empty: there are none
--           {'settled'|'voided', call id}: this call has ended and holds nothing
--           {'over', 'key'|'team', budget, held, spent}: refused, nothing was changed
--           {'unknown', 'key'|'team'}: no such account, or revoked; nothing was changed
local function reserve(keys, args)
  local books = {team = keys[1], key = keys[2], open = keys[3], ledger = keys[4]}
  local nanos, lease_ms = amount(args[2]), tonumber(amount(args[3]))
  local caps = redis.call('HMGET', books.team, 'premium_hour', 'premium_day')
  local capped = (caps[1] or '') ~= '' or (caps[2] or '') ~= ''
  local answer, fresh = {'open', capped and 'capped' or 'free', ''}, {}
  for at = 5, #keys do
    local known = redis.call('HMGET', keys[at], 'state', 'held')
    if known[1] and known[1] ~= 'open' then return {known[1], args[at - 1]} end
    if not known[1] then fresh[#fresh + 1] = at end
    answer[#answer + 1] = known[2] or nanos
  end
  local needed = tonumber(nanos) * #fresh
  local refused = #fresh > 0 and (refusal('key', books.key, needed) or refusal('team', books.team, needed))
  if refused then return refused end
  for _, at in ipairs(fresh) do
    books.call = keys[at]
    hold(books, {id = args[at - 1], key = args[1]}, nanos, lease_ms)
  end
  local of_key, of_team = left_of(books.key), left_of(books.team)
  if of_key or of_team then answer[3] = string.format('%.0f', math.min(of_key or LARGEST, of_team or LARGEST)) end
  return answer
end

-- settle: ends a call with what it cost, whatever it held: a cost above the hold is recorded and
-- flagged, a hold that Redis has lost is made again first, a voided call is settled all the same.
--   keys    team's account, key's account, call, open calls, ledger, stem of the day's use
--   args    call id, key id, nanos held, nanos owed, then for the report: line, pictures, input
--           tokens, output tokens, then name and value of every fact the row is to tell; `saved` is
--           counted for the report too
--   answer  {'settled', nanos owed, nanos above the hold}, as it was settled first
local function settle(keys, args)
  local books = {team = keys[1], key = keys[2], call = keys[3], open = keys[4], ledger = keys[5]}
  local call, held, owed = {id = args[1], key = args[2]}, amount(args[3]), amount(args[4])
  local line, pictures, input, output = args[5], amount(args[6]), amount(args[7]), amount(args[8])
  local known = redis.call('HMGET', books.call, 'state', 'held', 'spent', 'over')
  if known[1] == 'settled' then return {'settled', known[3], known[4]} end
  if not known[1] then hold(books, call, held, 0) end
  local released = known[1] == 'voided' and '0' or known[2] or held

  local over = excess(owed, held)
  local row = {'do', 'settle', 'call', call.id, 'key', call.key, 'over', over}
  local saved = '0'
  for at = 9, #args, 2 do
    row[#row + 1], row[#row + 2] = args[at], args[at + 1]
    if args[at] == 'saved' then saved = args[at + 1] end
  end
  move(books, row, minus(released), owed)
  finish(books, call, 'state', 'settled', 'held', held, 'spent', owed, 'over', over)

  local use = keys[6] .. today()
  local counts = {calls = '1', pictures = pictures, input = input, output = output, nanos = owed, saved = saved}
  for what, count in pairs(counts) do redis.call('HINCRBY', use, line .. '|' .. what, count) end
  return {'settled', owed, over}
end

-- void: ends a call that owes nothing. A call never heard of is marked as ended, so that a
-- reservation that arrives after it holds nothing; a settled call stays settled.
--   keys    team's account, key's account, call, open calls, ledger
--   args    call id, key id, why
--   answer  {'voided'|'settled'}: how the call stands now
local function void(keys, args)
  local books = {team = keys[1], key = keys[2], call = keys[3], open = keys[4], ledger = keys[5]}
  local call, why = {id = args[1], key = args[2]}, args[3]
  local known = redis.call('HMGET', books.call, 'state', 'held')
  if known[1] == 'settled' then return {'settled'} end
  if known[1] == 'open' or known[1] == 'unsettled' then
    move(books, {'do', 'void', 'call', call.id, 'key', call.key, 'why', why}, minus(known[2]), '0')
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
  local books = {team = keys[1], key = keys[2], call = keys[3], open = keys[4], ledger = keys[5]}
  local known = redis.call('HMGET', books.call, 'state', 'held')
  local ends = redis.call('ZSCORE', books.open, args[1])
  if not ends or tonumber(ends) > now_ms() then return {known[1] or 'unknown'} end
  if known[1] == 'unsettled' then return {'over', known[2]} end
  redis.call('HSET', books.call, 'state', 'unsettled')
  redis.call('ZADD', books.open, string.format('%.0f', now_ms() + tonumber(amount(args[3]))), args[1])
  move(books, {'do', 'unsettled', 'call', args[1], 'key', args[2]}, '0', '0')
  return {'unsettled', known[2]}
end

-- operator: puts an attempt that no caller owes on the operator's account, as spent when the upstream
-- has billed it, as held while nobody knows whether it has.
--   keys    operator's account, the attempt's mark, operator's ledger
--   args    nanos, `spent` or `held`, then name and value of every fact the row is to tell
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
  add(keys[1], held, spent, row, 'operator')
  redis.call('XADD', keys[3], '*', unpack(row))
  return {'recorded', nanos}
end

local function last_row(ledger)
  local found = redis.call('XREVRANGE', ledger, '+', '-', 'COUNT', 1)
  return found[1] and found[1][1] or '0-0'
end

-- sums: what the accounts of a team and its keys are, and what their open calls hold, all at one moment.
--   keys    team's account, key index, open calls, ledger, stem of a key's name, stem of a call's
--   answer  {name of the last row, 'team', held, spent, held by open calls, then the same of every key}
local function sums_now(keys)
  local opened = {team = 0}
  for _, id in ipairs(redis.call('ZRANGE', keys[3], 0, -1)) do
    local known = redis.call('HMGET', keys[6] .. id, 'key', 'held')
    local key, held = known[1] or '', tonumber(known[2] or '0')
    opened[key], opened.team = (opened[key] or 0) + held, opened.team + held
  end
  local answer = {last_row(keys[4])}
  local function tell(name, account)
    local held, spent = sums(account)
    for _, word in ipairs({name, held, spent, string.format('%.0f', opened[name] or 0)}) do
      answer[#answer + 1] = word
    end
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

-- Whole seconds of the store's clock, and the windows an allowance is counted in.
local HOUR, DAY = 3600, 24 * 3600

local function counter(stem, window, number)
  return stem .. window .. ':' .. string.format('%.0f', number)
end

-- draw: draws on an allowance what an attempt may cost at most, unless the present hour or day (UTC)
-- would then hold more than its cap. What is drawn under a name is not drawn again.
--   keys    stem of the allowance, then the record whose fields `premium_hour` and `premium_day` are its
--           caps, if there is one
--   args    name, nanos, cap of the hour, cap of the day: where no record has them; empty: none
--   answer  {'drawn'} or {'spent', 'hour'|'day', seconds until that begins anew}
local function draw(keys, args)
  local stem, name, nanos = keys[1], args[1], amount(args[2])
  local mark = stem .. 'of:' .. name
  if redis.call('EXISTS', mark) == 1 then return {'drawn'} end
  local caps = keys[2] and redis.call('HMGET', keys[2], 'premium_hour', 'premium_day') or {args[3], args[4]}
  local now = tonumber(redis.call('TIME')[1])
  local windows = {{'hour', HOUR, caps[1]}, {'day', DAY, caps[2]}}
  for _, window in ipairs(windows) do
    local what, lasts, cap = unpack(window)
    local drawn = redis.call('GET', counter(stem, what, math.floor(now / lasts))) or '0'
    if cap and cap ~= '' and tonumber(drawn) + tonumber(nanos) > tonumber(cap) then
      return {'spent', what, string.format('%.0f', lasts - now % lasts)}
    end
  end
  for _, window in ipairs(windows) do
    local what, lasts = unpack(window)
    local count = counter(stem, what, math.floor(now / lasts))
    redis.call('INCRBY', count, nanos)
    redis.call('EXPIRE', count, 2 * lasts)
  end
  redis.call('HSET', mark, 'nanos', nanos, 'at', string.format('%.0f', now))
  redis.call('EXPIRE', mark, 2 * DAY)
  return {'drawn'}
end

-- correct: puts right what was drawn under a name, in the windows it was drawn in; the last word counts.
--   keys    stem of the allowance
--   args    name, nanos
--   answer  {'corrected'} or {'unknown'}
local function correct(keys, args)
  local stem, nanos = keys[1], amount(args[2])
  local mark = stem .. 'of:' .. args[1]
  local known = redis.call('HMGET', mark, 'nanos', 'at')
  if not known[1] then return {'unknown'} end
  for what, lasts in pairs({hour = HOUR, day = DAY}) do
    local count = counter(stem, what, math.floor(tonumber(known[2]) / lasts))
    if redis.call('EXISTS', count) == 1 then
      redis.call('DECRBY', count, known[1])
      redis.call('INCRBY', count, nanos)
    end
  end
  redis.call('HSET', mark, 'nanos', nanos)
  return {'corrected'}
end

-- drawn: what was drawn in the present hour and day.
--   keys    stem of the allowance
--   answer  {nanos of the hour, nanos of the day}
local function drawn(keys)
  local now = tonumber(redis.call('TIME')[1])
  return {
    redis.call('GET', counter(keys[1], 'hour', math.floor(now / HOUR))) or '0',
    redis.call('GET', counter(keys[1], 'day', math.floor(now / DAY))) or '0',
  }
end

-- create: writes the record of a team or a key, unless there is one. Sums are left alone.
--   keys    record
--   args    name and value of every field; `created` is one of them
--   answer  {'created'} or {'exists'}
local function create(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 1 then return {'exists'} end
  redis.call('HSET', keys[1], unpack(args))
  return {'created'}
end

-- update: writes fields of a record that exists.
--   keys    record
--   args    name and value of every field
--   answer  {'updated'} or {'unknown'}
local function update(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 0 then return {'unknown'} end
  redis.call('HSET', keys[1], unpack(args))
  return {'updated'}
end

-- revoke: ends a key for good; the first time given stays.
--   keys    record
--   args    the time, in seconds
--   answer  {'revoked'} or {'unknown'}
local function revoke(keys, args)
  if redis.call('HEXISTS', keys[1], 'created') == 0 then return {'unknown'} end
  redis.call('HSETNX', keys[1], 'revoked', args[1])
  return {'revoked'}
end

-- What replicas say of a group and model is counted by the second, and goes by itself after an hour; what they
-- learned of its pace by the day too, for a week. Counts only grow, and a second that is over does not change.
local SECONDS_KEPT_S, DAYS_KEPT = 3600, 7
local REPLAYED_S, AT_ONCE_S = 1200, 300
local LEASE_MS = 5000
local LEARNED = '^took:'

local function whole(number)
  return string.format('%.0f', number)
end

-- Adds name and count of everything in a hash to an answer, behind the word that says whose they are.
local function tell(answer, word, hash)
  local found = redis.call('HGETALL', hash)
  for at = 1, #found, 2 do
    for _, each in ipairs({word, found[at], found[at + 1]}) do answer[#answer + 1] = each end
  end
end

-- Whether one more replica may ask the group whether it is well: at most `most` within five seconds.
local function leased(lease, most)
  if most < 1 or tonumber(redis.call('GET', lease) or '0') >= most then return '0' end
  if redis.call('INCR', lease) == 1 then redis.call('PEXPIRE', lease, LEASE_MS) end
  return '1'
end

-- pool: counts what one replica says of a pair to the current second, and tells what all have said.
--   keys    stem of the pair
--   args    the last second heard of, empty for a replica that has just begun; how many leases may be out;
--           then name and count of everything said
--   answer  time in ms, '1' if there is a lease for this replica, the second that this answer goes up to; then
--           second, name and count of everything said in the seconds after the one heard of that are over, the
--           last twenty minutes at most and five of them at a time; for a replica that has just begun
--           '-' and the day in place of the second for what was learned on each of the last days
local function pool(keys, args)
  local stem, most = keys[1], tonumber(args[2])
  local second, day = tonumber(redis.call('TIME')[1]), tonumber(today())
  local current, learned = stem .. ':' .. whole(second), stem .. ':day:'
  for at = 3, #args, 2 do
    redis.call('HINCRBY', current, args[at], args[at + 1])
    if string.find(args[at], LEARNED) then redis.call('HINCRBY', learned .. whole(day), args[at], args[at + 1]) end
  end
  if #args > 2 then
    redis.call('HSET', stem, 'last', whole(second))
    redis.call('EXPIRE', stem, SECONDS_KEPT_S)
    redis.call('EXPIRE', current, SECONDS_KEPT_S)
    redis.call('EXPIRE', learned .. whole(day), (DAYS_KEPT + 1) * 86400)
  end

  local heard_to = math.min(tonumber(args[1]) or 0, second)  -- a clock that went back begins anew from here
  local from = math.max(heard_to + 1, second - REPLAYED_S)
  local to = math.min(second - 1, from + AT_ONCE_S - 1)
  local answer = {whole(now_ms()), leased(stem .. ':lease', most), whole(math.max(heard_to, to))}
  for each = from, to do tell(answer, whole(each), stem .. ':' .. whole(each)) end
  if args[1] == '' then
    for each = day - DAYS_KEPT, day do tell(answer, '-' .. whole(each), learned .. whole(each)) end
  end
  return answer
end

-- When a drill ends, in ms by this server's clock: replicas need not agree on theirs.
local function drill_ends(row)
  return tonumber(string.match(row, '^%d+'))
end

-- drills: the drills that are not over.
--   keys    drills
--   answer  {now in ms, id, row, id, row …}; a row is when it ends, in ms, a space, and what it is
local function drills(keys)
  local now, rows = now_ms(), redis.call('HGETALL', keys[1])
  local on = {string.format('%.0f', now)}
  for at = 1, #rows, 2 do
    if drill_ends(rows[at + 1]) > now then
      on[#on + 1] = rows[at]
      on[#on + 1] = rows[at + 1]
    end
  end
  return on
end

-- drill: writes a drill, and clears away those that are over. The hash goes with the last of them.
--   keys    drills
--   args    id, row
--   answer  {'written'}
local function drill(keys, args)
  local now, last, rows = now_ms(), drill_ends(args[2]), redis.call('HGETALL', keys[1])
  for at = 1, #rows, 2 do
    local ends = drill_ends(rows[at + 1])
    if ends <= now then redis.call('HDEL', keys[1], rows[at]) end
    last = math.max(last, ends)
  end
  redis.call('HSET', keys[1], args[1], args[2])
  redis.call('PEXPIREAT', keys[1], string.format('%.0f', last))
  return {'written'}
end

-- undrill: ends a drill before its time.
--   keys    drills
--   args    id
--   answer  {'ended'} or {'unknown'}
local function undrill(keys, args)
  return {redis.call('HDEL', keys[1], args[1]) == 1 and 'ended' or 'unknown'}
end

local function offer(name, work)
  redis.register_function('gw_VERSION_' .. name, work)
end

offer('reserve', reserve)
offer('settle', settle)
offer('void', void)
offer('lapsed', lapsed)
offer('expire', expire)
offer('operator', operator)
offer('sums', sums_now)
offer('operator_sums', operator_sums)
offer('draw', draw)
offer('correct', correct)
offer('drawn', drawn)
offer('create', create)
offer('update', update)
offer('revoke', revoke)
offer('pool', pool)
offer('drills', drills)
offer('drill', drill)
offer('undrill', undrill)
