// Tells the server that a page is read. It sets no cookie, and works where nothing can be stored.
//
// The other end is raw.rs, which says what each field means. Attributes of the script element:
//   data-endpoint   base URL, without a final slash, of the server that counts, if another than served the script
//   data-anonymous  if "1", no id is kept in this browser
//   data-gpc        if "ignore", readers who ask not to be tracked are counted, too
//
// beacon.rs serves it without comments and with shorter names: no name that is declared here, and no
// parameter, may be the key of an object. Names in capitals are numbers from policy.rs, in milliseconds.
(() => {
const script = document.currentScript
const options = script.dataset
const server = options.endpoint ? options.endpoint + '/_/event' : new URL('event', script.src).href
// On its way down an event passes the window, whatever it is about.
const on = (happening, act) => addEventListener(happening, act, true)
const random = () => crypto.getRandomValues(new BigUint64Array(1))[0].toString(16).padStart(16, 0)

// Access to storage throws where it is blocked; then what is kept lasts as long as the page.
let storage = {}
try { storage = localStorage || storage } catch {}
const keep = (key, kept) => {
  try { storage[key] = kept } catch {}
  return kept
}

let isOff = storage.tallymarkOff
const toggle = () => {
  if (location.hash == '#dont-count') {
    isOff = keep('tallymarkOff', isOff ? '' : 1)
    alert(isOff ? 'This browser is not counted' : 'This browser is counted')
  }
}
toggle()
on('hashchange', toggle)

if (!options.gpc && (navigator.globalPrivacyControl || navigator.doNotTrack == 1)) return

const reader = isOff || options.anonymous ? '' : storage.tallymark || keep('tallymark', crypto.randomUUID?.() || random() + random())

// What is not answered yet, by type and viewing. Totals only grow, so of two heartbeats the later is enough.
const queue = new Map
let isBusy, page, viewing, isCounted, spent, shown, depth, beaten, source = document.referrer

const put = (kind, more) => {
  queue.set(kind + viewing, JSON.stringify({ type: kind, view: viewing, visitor: reader, path: page, ...more }))
  // The oldest goes when the server has been away for long.
  if (queue.size > 20) queue.delete([...queue.keys()][0])
}

// One request at a time. What was not taken is tried again; the ids make repeats harmless.
const flush = async () => {
  if (isBusy) return
  isBusy = 1
  try {
    for (const [key, message] of queue) {
      if ((await fetch(server, { method: 'POST', body: message, keepalive: 1, credentials: 'omit' })).status > 428) break
      if (queue.get(key) == message) queue.delete(key)
    }
  } catch {}
  isBusy = 0
}

// How much of the article has been on screen.
const measure = () => {
  const box = (document.querySelector('article') || document.body).getBoundingClientRect()
  depth = Math.max(depth, 100 * (innerHeight - box.top) / box.height | 0)
}

// Adds the time that the page was shown, and says how much it is unless it did so a moment ago.
const beat = () => {
  const now = performance.now()
  spent += shown && now - shown
  shown = now
  if (isCounted && !isOff && now - beaten >= HEARTBEAT_GAP) {
    beaten = now
    measure()
    put('heartbeat', { engaged: spent | 0, scroll: depth })
  }
}

// The page may be gone before an answer comes, so none is waited for; a view is kept, in case the reader comes back.
const leave = () => {
  if (!shown) return
  beat()
  shown = 0
  for (const [key, message] of queue) {
    if (!navigator.sendBeacon?.(server, message)) flush()
    else if (key[0] == 'h') queue.delete(key)
  }
}

// A viewing begins when it is first seen: not while hidden, and not while only prerendered.
const look = () => {
  if (document.visibilityState != 'visible' || document.prerendering) return leave()
  beat()
  if (!isCounted && !isOff) {
    isCounted = 1
    const query = new URLSearchParams(location.search)
    put('view', {
      referrer: source.slice(0, 500),
      utmSource: query.get('utm_source'),
      utmCampaign: query.get('utm_campaign'),
      width: innerWidth / 100 | 0,
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone
    })
    source = ''
  }
  flush()
}

const start = () => {
  page = location.pathname
  viewing = random()
  isCounted = spent = shown = depth = 0
  beaten = -HEARTBEAT_GAP
  look()
}

// Another path without another document is another viewing; another hash, or a replaced entry, is not.
const move = () => {
  if (location.pathname != page) {
    beat()
    start()
  }
}
if (window.navigation) navigation.addEventListener('currententrychange', change => change.navigationType == 'replace' || move())
else {
  const push = history.pushState
  history.pushState = (...given) => {
    push.apply(history, given)
    move()
  }
  on('popstate', move)
}

on('visibilitychange', look)
on('prerenderingchange', look)
on('pagehide', leave)
on('pageshow', change => change.persisted && start())
on('scroll', () => shown && measure())
setInterval(() => shown && look(), HEARTBEAT)
start()
})()
