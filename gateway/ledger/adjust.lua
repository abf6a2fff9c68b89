-- Adjustments: what a key and so its team have spent is put right by hand.

-- adjust: adds to what a key has spent, or takes from it; once under a name.
--   keys    team's account, key's account, the mark of this name, ledger, stem of the use of a day, trail
--   args    who, door, action, subject, key id, name, '' or '-', nanos, why, `since`, line
--   answer  {'adjusted', nanos}, with their sign, or {'same', nanos}: it was before, under this name
--           {'unknown'}: no such key; {'below', nanos}: it has spent no more than this; nothing was changed
local function adjust(keys, args)
  local told, given = deed(args)
  local id, name, sign, nanos, why, since, line = unpack(given)
  local known = redis.call('GET', keys[3])
  if known then return {'same', known} end
  local books = {team = account_of(keys[1], 'team', 'team'), key = account_of(keys[2], 'key', id), ledger = keys[4]}
  if not books.key.created then return {'unknown'} end
  local by, spent = sign == '-' and minus(amount(nanos)) or amount(nanos), books.key.spent
  if string.sub(total(spent, by), 1, 1) == '-' then return {'below', spent} end

  changed(told, 'spent', spent, total(spent, by))
  changed(told, 'why', '', why)
  enter(keys[6], told)
  redis.call('SET', keys[3], by, 'EX', REMEMBERED_S)
  move(books, call_of(name, id, since), 'adjust', '0', by, '0', {'why', why})
  for _, account in ipairs({books.team, books.key}) do save(account) end
  count_use(keys[5], line, {calls = '0', pictures = '0', input = '0', output = '0', nanos = by, saved = '0'})
  return {'adjusted', by}
end

offer('adjust', adjust)
