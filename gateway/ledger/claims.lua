-- Answers that somebody may have asked for before: who comes back for them gets them, and pays nothing.
--
-- What is asked again under an Idempotency-Key is found under that key, `once`, for a day:
--   asked      the fingerprint of the request       call    under which id it was asked for
--   state      how it stands                        owner   the process that has it drawn
-- What is asked again without one is found by its fingerprint, `asked`, when its caller has left it, each answer
-- for one that comes: call id -> 'state owner since until', in ms. `until` is until when somebody has claimed it.
-- `told` counts requests that failed, and whose callers know: the next that says it is a retry is one of these.
--
-- The states: `running`, `kept` when it has ended and is in the vault, `given` when it has been delivered too,
-- `unsure` when nobody knows whether it was billed, `lost` when it was billed and is in the vault no more.

local ONCE_KEPT_S = 24 * 3600
local ASKED_KEPT_S = 16 * 60

-- Claimed for so long at a time: whoever waits for an answer says again that it does.
local CLAIMED_MS = 60 * 1000

-- Delivered answers are remembered for clients that say of a retry that it is one: so many.
local GIVEN = 16

local ENTRY = '^(%a+) (%S+) (%d+) (%d+)$'

local function entry_of(call, row)
  local state, owner, since, till = string.match(row or '', ENTRY)
  return state and {call = call, state = state, owner = owner, since = tonumber(since), till = tonumber(till)}
end

local function entries_of(place)
  local rows, found = redis.call('HGETALL', place), {}
  for at = 1, #rows, 2 do found[#found + 1] = entry_of(rows[at], rows[at + 1]) or nil end
  table.sort(found, function(one, other) return one.since < other.since end)
  return found
end

local function enter_claim(place, entry)
  redis.call('HSET', place, entry.call, table.concat({entry.state, entry.owner, whole(entry.since), whole(entry.till)}, ' '))
  redis.call('EXPIRE', place, ASKED_KEPT_S)
end

local function claimed_of(entry, place, now)
  entry.till = now + CLAIMED_MS
  enter_claim(place, entry)
  return {'claimed', entry.call, entry.state, entry.owner}
end

-- The answer that a request without an Idempotency-Key may have: first one that nobody has, the oldest; then, if a
-- retry says that it is one, and is not one of a failure, the newest that was delivered.
local function left_behind(claim, now)
  local given
  for _, entry in ipairs(entries_of(claim.place)) do
    if entry.till <= now then
      if entry.state ~= 'given' then
        if now - entry.since <= claim.left_ms then return claimed_of(entry, claim.place, now) end
      elseif now - entry.since <= claim.given_ms then
        given = entry
      end
    end
  end
  if claim.given_ms == 0 then return nil end
  if tonumber(redis.call('HGET', claim.place, 'told') or '0') > 0 then
    redis.call('HINCRBY', claim.place, 'told', -1)
    return nil
  end
  return given and claimed_of(given, claim.place, now)
end

local function asked_once(claim)
  local known = redis.call('HMGET', claim.place, 'asked', 'call', 'state', 'owner')
  if not known[1] then return nil end
  if known[1] ~= claim.asked then return {'reused'} end
  if known[2] == claim.call or claim.anew == known[2] then return nil end
  return {'claimed', known[2], known[3], known[4]}
end

-- A claim of a request is one text: 'once', call id, owner, fingerprint, and the call whose answer it does without, or
-- '-'; or 'asked', call id, owner, how long ago an answer may have been left, and delivered, in ms, and '1': its client
-- says of a retry that it is one.
local function claim_of(place, text)
  local kind, call, owner, first, second, third = string.match(text, '^(%a+) (%S+) (%S+) (%S+) (%S+) ?(%d?)$')
  if kind == 'once' then return {place = place, call = call, owner = owner, asked = first, anew = second} end
  return {
    place = place, call = call, owner = owner,
    left_ms = tonumber(first), given_ms = tonumber(second), marks = third == '1',
  }
end

local function is_once(text)
  return string.byte(text) == 111  -- an o
end

-- What a request claims: an answer that is told it instead of a hold; nil: there is none for it. Most claims are of
-- what nobody has left, and are not even read.
local function claimed(place, text, now)
  if is_once(text) then return asked_once(claim_of(place, text)) end
  if redis.call('EXISTS', place) == 0 then return nil end
  return left_behind(claim_of(place, text), now)
end

-- A request that claims nothing has been admitted.
local function begun_once(place, text)
  if not is_once(text) then return end
  local claim = claim_of(place, text)
  redis.call(
    'HSET', claim.place, 'asked', claim.asked, 'call', claim.call, 'state', 'running', 'owner', claim.owner
  )
  redis.call('EXPIRE', claim.place, ONCE_KEPT_S)
end

local function told_of_failure(place)
  redis.call('HINCRBY', place, 'told', 1)
  redis.call('EXPIRE', place, ASKED_KEPT_S)
end

-- A request came too fast, and its caller knows.
local function refused_claim(place, text)
  if not is_once(text) and claim_of(place, text).marks then told_of_failure(place) end
end

local function forget_given(place)
  local given = {}
  for _, entry in ipairs(entries_of(place)) do
    if entry.state == 'given' then given[#given + 1] = entry.call end
  end
  for at = 1, #given - GIVEN do redis.call('HDEL', place, given[at]) end
end

-- What somebody paid for and does not have, or has no picture in, is counted beside what was used, by the day alone.
local function count_waste(use, line, what, times, nanos)
  redis.call('HINCRBY', use, line .. '|' .. what, times)
  redis.call('HINCRBY', use, line .. '|' .. what .. '_nanos', nanos)
end

-- Somebody has the answer of a call: as waste it is counted no more, and not at all if it is settled later.
local function delivered(place, use)
  local known = redis.call('HMGET', place, 'state', 'spent', 'left')
  if known[3] then
    local day, line = string.match(known[3], '^(%d+) (.*)$')
    count_waste(use .. day, line, 'left', '-1', minus(known[2]))
    redis.call('HDEL', place, 'left')
  elseif known[1] and known[1] ~= 'settled' then
    redis.call('HSET', place, 'given', '1')
  end
end

-- stands: how what was asked for stands, for whoever asks the same again.
--   keys    `once` or `asked`; if somebody has all of the answer, its calls too, and the stem of the use of a day
--   args    'once' or 'asked', call id, state, owner, '1': its client says of a retry that it is one. Three states more:
--           'failed': nobody owes anything, and the caller has been told; 'nothing': there is nothing to have;
--           'left': whoever had claimed it wants it no more, and it stands as it did
--   answer  {'noted'}, or {'another'}: the Idempotency-Key is another call's by now
local function stands(keys, args)
  local place, call, state = keys[1], args[2], args[3]
  for at = 2, #keys - 1 do delivered(keys[at], keys[#keys]) end
  if args[1] == 'once' then
    if redis.call('HGET', place, 'call') ~= call then return {'another'} end
    if state == 'failed' or state == 'nothing' then
      redis.call('HDEL', place, 'asked', 'call', 'state', 'owner')
    elseif state ~= 'left' then
      redis.call('HSET', place, 'state', state, 'owner', args[4])
      redis.call('EXPIRE', place, ONCE_KEPT_S)
    end
    return {'noted'}
  end
  local marks, now = args[5] == '1', now_ms()
  local known = entry_of(call, redis.call('HGET', place, call))
  local left = state == 'left' and known and known.state
  if left or state == 'running' or state == 'kept' or (state == 'given' and marks) then
    local till = state == 'kept' and known and known.till or 0  -- somebody may be waiting for just this
    enter_claim(
      place, {call = call, state = left or state, owner = left and known.owner or args[4], since = now, till = till}
    )
    if state == 'given' then forget_given(place) end
    return {'noted'}
  end
  if state == 'left' then return {'noted'} end
  redis.call('HDEL', place, call)
  if state == 'failed' and marks then told_of_failure(place) end
  return {'noted'}
end

-- standing: how it stands, for somebody who waits for it; a claim lasts as long as that is asked.
--   keys    `once` or `asked`, the call
--   args    'once' or 'asked', call id
--   answer  {state, how the call stands in the books}; empty: nobody knows of it
local function standing(keys, args)
  local state = ''
  if args[1] == 'once' then
    local known = redis.call('HMGET', keys[1], 'call', 'state')
    state = known[1] == args[2] and known[2] or ''
  else
    local entry = entry_of(args[2], redis.call('HGET', keys[1], args[2]))
    if entry then
      state, entry.till = entry.state, now_ms() + CLAIMED_MS
      enter_claim(keys[1], entry)
    end
  end
  return {state, redis.call('HGET', keys[2], 'state') or ''}
end

offer('stands', stands)
offer('standing', standing)
