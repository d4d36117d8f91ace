-- A comment
--[[ several
lines ]]
local M = {}
local LIMIT <const> = 0x10

function M.count(page, by)
  local text = [==[raw ]] text]==] .. 'it\'s' .. "\n"
  if page ~= nil and not page.draft then
    for i, v in ipairs({1, 2.5e3}) do page.views = page.views + v end
  end
  return #text, true
end
return M
