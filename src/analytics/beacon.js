// Tells the server that a page is read. It sets no cookie, and works where nothing can be stored.
//
// The other end is raw.rs, which says what each field means. Attributes of the script element:
//   data-visitor  if "none", no id is kept in this browser
//   data-gpc      if "ignore", readers who ask not to be tracked are counted, too
// and of any element, data-count: what it is called when this, or something in it, is clicked, or this form sent.
//
// It is served without comments and with shorter names (shorten.rs): no name that is declared here, and no parameter,
// may be the key of an object. Names in capitals are numbers from policy.rs, in milliseconds. What stands in which
// order is what compresses best.
{
const script = document.currentScript
const server = new URL('event', script.src)

// What is not answered yet, by type and viewing. Totals only grow, so of two heartbeats the later is enough.
const queue = new Map

// When the server has been away for long, there is no room for more; heartbeats catch up later.
const put = (kind, more) => {
  if (queue.size < 28) queue.set(kind + viewing + more.event, JSON.stringify({
    type: kind,
    view: viewing,
    visitor: reader,
    path: page,
    ...more
  }))
}

// One request at a time. What was not taken is tried again; the ids make repeats harmless.
const flush = async () => {
  if (!isBusy) {
    isBusy = 1
    try {
      for (const [key, text] of queue) {
        if ((await fetch(server, { method: 'POST', body: text, keepalive: 1 })).status > 428) break
        if (queue.get(key) == text) queue.delete(key)
      }
    } catch {}
    isBusy = 0
  }
}

// The page may be gone before an answer comes, so none is waited for; all but totals is kept, in case the reader
// comes back.
const leave = () => {
  if (shown) {
    beat()
    shown = 0
    for (const [key, text] of queue) navigator.sendBeacon?.(server, text) ? key[0] == 'h' && queue.delete(key) : flush()
  }
}

const random = () => crypto.getRandomValues(new BigUint64Array(1))[0].toString(16).padStart(16, 0)

// `shown` is since when the page is seen, and `due` when a heartbeat may be sent again; 0 is not, and not counted.
let due, page, depth, spent, viewing, shown, reader, isBusy, source = document.referrer

// Another path without another document is another viewing, and so is what comes back from the cache; another
// hash, or a replaced entry, is not.
const move = change => {
  if (change?.persisted || location.pathname != page) {
    beat()
    page = location.pathname
    viewing = random()
    shown = depth = spent = due = 0
    look()
  }
}

const push = history.pushState
history.pushState = (...given) => move(push.apply(history, given))

// Access to storage throws where it is blocked; then what is kept lasts as long as the page.
try { reader = localStorage.tallymark } catch {}

const keep = kept => {
  reader = kept
  try { localStorage.tallymark = kept } catch {}
}

// Who does not want to be counted is nobody: what stands in the id's place says so, and the next id is another.
const toggle = () => {
  if (location.hash == '#dont-count') {
    due = 0
    queue.clear()
    keep(reader == 'off' ? '' : 'off')
    alert('Counting is ' + (reader || 'on'))
  }
}

// A viewing begins when it is first seen. What is prerendered turns visible a moment before it may speak.
const look = () => {
  if (document.hidden || document.prerendering) leave()
  else {
    beat()
    if (!(due || reader == 'off' || !script.dataset.gpc && (
      navigator.globalPrivacyControl || navigator.doNotTrack == 1
    ))) {
      due = 1
      script.dataset.visitor ? reader = '' : reader || keep(crypto.randomUUID?.() || random() + random())
      const query = new URL(location).searchParams
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
}

// How much of the article has been on screen, in percent; what comes after it does not count. Of several, as in a
// list, none is the article.
const measure = () => {
  const box = (document.querySelector('article:only-of-type') || document.body).getBoundingClientRect()
  depth = Math.max(depth, Math.min((innerHeight - box.top) / box.height, 1) * 100 | 0)
}

// Counts what was clicked or sent, and what the author calls it comes first. Of an address only what the server may
// keep is sent; links in drawings have none that is a text. Only `submit` comes after a `d`.
const act = happening => {
  const link = happening.target.closest?.('a')
  const address = link?.origin?.[0] == 'h' ? link.origin + link.pathname : ''
  const called = happening.target.closest?.(
    happening.type > 'd' ? 'form[data-count]' : ':not(form)[data-count]'
  )?.dataset.count || address && (
    link.attributes.download || /\.(epub|pdf|zip|gz|mp.|csv|docx?|xlsx?|dmg|exe)$/i.test(address)
      ? 'download'
      : link.origin != location.origin && 'outbound'
  )
  if (due && called && !(happening.button > 1)) {
    put('event', { event: random(), name: called, props: { url: address.slice(0, 500) } })
    flush()
  }
}

// Adds the time that the page was shown, and says how much it is unless it did so a moment ago. When more time
// has passed than lies between two beats, the machine was asleep.
const beat = () => {
  const now = performance.now()
  spent += shown && Math.min(now - shown, HEARTBEAT)
  shown = now
  if (due && now > due) {
    due = now + HEARTBEAT_GAP
    measure()
    put('heartbeat', { engaged: spent | 0, scroll: depth })
  }
}

// On its way down an event passes the window, whatever it is about.
const listeners = {
  hashchange: toggle,
  scroll: measure,
  visibilitychange: look,
  auxclick: act,
  prerenderingchange: look,
  click: act,
  pageshow: move,
  pagehide: leave,
  submit: act,
  popstate: move
}

for (const kind in listeners) addEventListener(kind, listeners[kind], 1)
setInterval(look, HEARTBEAT)
toggle()
move()
}
