#!lua name=gateway_VERSION

-- The books: every step that moves money, each of them whole or not at all. The other files of the library come
-- behind this one; here is what all of them use.
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

local DIGITS = 15  -- of which no number is above LARGEST

local function total(a, b)
  if #a > DIGITS or #b > DIGITS then return exactly(plus(plus(nil, a), b)) end
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
