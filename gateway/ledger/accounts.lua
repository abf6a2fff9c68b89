-- Accounts of teams, keys and the operator: what they hold and have spent, in all and of a day and a month.

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
