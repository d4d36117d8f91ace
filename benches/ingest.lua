-- What browsers send when pages are opened: each view is of a visitor of its own, and no two are the same.
-- Arguments: a number that tells runs apart, and the file that names the paths of the site.

local hex = {}
for number = 0, 65535 do hex[number] = string.format("%04x", number) end

local random, paths, heads = math.random, {}, {}

local agents = {
   "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
   "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
   "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
   "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
}
local zones = { "Europe/Oslo", "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Asia/Tokyo", "Asia/Kolkata" }
local referrers = { "", "", "", "https://news.example/item?id=1", "https://search.example/", "https://other.example/links/" }

function init(arguments)
   math.randomseed(tonumber(arguments[1]))
   for path in io.lines(arguments[2]) do paths[#paths + 1] = path end
   local origin = "http://" .. wrk.headers["Host"]
   for number, agent in ipairs(agents) do
      heads[number] = table.concat({
         "POST /_/event HTTP/1.1", "Host: " .. wrk.headers["Host"], "User-Agent: " .. agent, "Accept: */*",
         "Accept-Language: en-US,en;q=0.5", "Accept-Encoding: gzip, deflate, br, zstd",
         "Content-Type: text/plain;charset=UTF-8", "Origin: " .. origin, "Referer: " .. origin .. "/", "Connection: keep-alive",
         "Sec-Fetch-Dest: empty", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: same-origin", "Priority: u=6", "Content-Length: ",
      }, "\r\n")
   end
end

local function four() return hex[random(0, 65535)] end

function request()
   local body = table.concat({
      '{"type":"view","view":"', four(), four(), four(), four(),
      '","visitor":"', four(), four(), "-", four(), "-4", string.sub(four(), 2), "-a", string.sub(four(), 2), "-", four(), four(), four(),
      '","path":"', paths[random(#paths)], '","referrer":"', referrers[random(#referrers)],
      '","width":', random(3, 18), ',"zone":"', zones[random(#zones)], '"}',
   })
   return heads[random(#heads)] .. #body .. "\r\n\r\n" .. body
end
