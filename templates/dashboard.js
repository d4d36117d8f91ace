// Keeps /stats/ live: the other half of dashboard.html. Every value is set as text, never as HTML.
// What keys and pointers do is in dashboard/controls.js.
"use strict";

(() => {
  const root = document.getElementById("dashboard");
  if (!root) return;

  const ANNOUNCE_EVERY = 10_000;
  const RETRY_FIRST = 2_000;
  const RETRY_LAST = 60_000;
  const PAGES = 20;

  const part = (name) => root.querySelector(`[data-stat="${name}"]`);
  // As the server writes: the language of the page, and English with the day before the month.
  const language = document.documentElement.lang;
  const locale = !language || language === "en" ? "en-GB" : language;
  const number = (value) => value.toLocaleString(locale);
  const count = (value, one, many) => `${number(value)} ${value === 1 ? one : many}`;

  const setText = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  const setAttribute = (element, name, value) => {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  };

  const setHidden = (element, hidden) => {
    if (element.hidden !== hidden) element.hidden = hidden;
  };

  // The day that the server showed stays as it is: only the server knows the site's time zone.
  let since = part("total").textContent.match(/ since (.*)\./)?.[1] ?? "";
  const day = (stats, month) => {
    const [year, index, date] = stats.trackingSinceDate.slice(0, 10).split("-").map(Number);
    const format = { day: "numeric", month, year: "numeric", timeZone: "UTC" };
    return new Date(Date.UTC(year, index - 1, date)).toLocaleDateString(locale, format);
  };

  const now = ({ activeVisitors: active }) => {
    if (active === 0) return "Nobody is reading right now.";
    if (active === 1) return "One person is reading right now.";
    return `${number(active)} people are reading right now.`;
  };

  const total = (stats) => {
    if (stats.totalPageViews === 0) {
      return "Nothing has been counted yet; the first view will show here by itself.";
    }
    const views = count(stats.totalPageViews, "view", "views");
    const visitors = stats.uniqueVisitors > 0 ? ` by ${count(stats.uniqueVisitors, "visitor", "visitors")}` : "";
    return `${views}${visitors}${since && ` since ${since}`}.`;
  };

  const CARDS = ["activeVisitors", "totalPageViews", "uniqueVisitors", "publishedPosts", "publishedPages"];

  const show = (stats) => {
    if (!since && stats.trackingSinceDate) {
      since = day(stats, "long");
      setText(part("since"), day(stats, "short"));
    }
    for (const name of CARDS) setText(part(name), number(stats[name]));
    setText(part("now"), now(stats));
    setText(part("total"), total(stats));
    announce(`${now(stats)} ${total(stats)}`);
    setHidden(part("degraded"), !stats.degraded);
    showRows(part("activeByPath"), stats.activeByPath, (row) => [number(row.count)]);
    const share = (row) => `${Math.round((row.views * 100) / Math.max(stats.totalPageViews, 1))} %`;
    // How often a page was read to the end is not told live; controls.js fetches it.
    showRows(part("pageStats"), stats.pageStats.slice(0, PAGES), (row) => [
      number(row.views),
      number(row.visitors),
      null,
      share(row),
    ]);
    root.dispatchEvent(new Event("numbers"));
  };

  // Rows are kept by path and only moved when their order changed, so nothing flickers and what has
  // the focus keeps it.
  const showRows = (table, rows, texts) => {
    // Of another time than all there are no live rows.
    if (!table) return;
    const body = table.tBodies[0];
    const focused = document.activeElement;
    const known = new Map([...body.rows].map((line) => [line.dataset.path, line]));
    rows.forEach((row, index) => {
      const line = known.get(row.path) ?? newLine(row.path, texts(row).length);
      known.delete(row.path);
      if (body.rows[index] !== line) body.insertBefore(line, body.rows[index] ?? null);
      showLine(line, row, texts(row));
    });
    known.forEach((line) => line.remove());
    if (focused !== document.activeElement && body.contains(focused)) focused.focus({ preventScroll: true });
    setHidden(table, rows.length === 0);
    setHidden(table.nextElementSibling, rows.length > 0);
  };

  const newLine = (path, columns) => {
    const line = document.createElement("tr");
    const title = document.createElement("th");
    line.dataset.path = path;
    title.scope = "row";
    line.append(title);
    for (let column = 0; column < columns; column += 1) line.append(document.createElement("td"));
    return line;
  };

  const showLine = (line, row, texts) => {
    const [title, ...cells] = line.cells;
    showTitle(title, row);
    texts.forEach((text, index) => {
      if (text !== null) setText(cells[index], text);
      else if (!cells[index].textContent) setText(cells[index], "–");
    });
    if (row.share !== undefined) cells.at(-1).className = "share";
  };

  // A page that was read leads to its own numbers, and beside that to itself; one that is being read to itself.
  const showTitle = (cell, row) => {
    const url = isOwnAddress(row.url) ? row.url : "";
    const isStat = row.share !== undefined;
    if (isStat) showBar(cell, row.share);
    const link = isStat ? `${location.pathname}?page=${encodeURIComponent(row.path)}#course` : url;
    const tag = link ? "A" : "SPAN";
    let name = cell.querySelector("[dir]");
    if (name?.tagName !== tag) {
      name?.remove();
      name = document.createElement(tag);
      name.dir = "auto";
      cell.insertBefore(name, cell.querySelector(".out, .mark, .spark"));
    }
    if (link) setAttribute(name, "href", link);
    setText(name, row.title);
    if (!isStat) return;
    showOut(cell, name, url, row.title);
    showGone(cell, row.pageType === "gone");
  };

  const showOut = (cell, name, url, title) => {
    let out = cell.querySelector(".out");
    if (!url) out?.remove();
    else {
      if (!out) {
        out = document.createElement("a");
        out.className = "out";
        out.textContent = "↗";
        name.after(" ", out);
      }
      setAttribute(out, "href", url);
      setAttribute(out, "aria-label", `Open ${title}`);
    }
  };

  const showBar = (cell, share) => {
    let bar = cell.querySelector("svg");
    if (!bar) {
      bar = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      bar.setAttribute("class", "bar");
      bar.setAttribute("aria-hidden", "true");
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.setAttribute("height", "100%");
      bar.append(rect);
      cell.prepend(bar);
    }
    setAttribute(bar.firstElementChild, "width", `${share}%`);
  };

  const showGone = (cell, isGone) => {
    const mark = cell.querySelector(".mark");
    if (!isGone) mark?.remove();
    else if (!mark) {
      const gone = document.createElement("span");
      gone.className = "mark";
      gone.textContent = "gone";
      cell.append(" ", gone);
    }
  };

  const isOwnAddress = (url) => typeof url === "string" && /^\/(?![/\\])/.test(url);

  // A screen reader hears how things stand when that changed, at most every ten seconds.
  let announced = `${part("now").textContent} ${part("total").textContent}`;
  let latest = announced;
  let quiet = 0;
  const announce = (text) => {
    latest = text;
    if (!quiet && latest !== announced) speak();
  };
  const speak = () => {
    announced = latest;
    setText(part("announcement"), announced);
    quiet = setTimeout(() => {
      quiet = 0;
      announce(latest);
    }, ANNOUNCE_EVERY);
  };

  // The stream reconnects by itself after a cut; where the browser gives up, we try again.
  let stream = null;
  let retry = 0;
  let delay = RETRY_FIRST;
  let heard = new Date();

  const open = () => {
    clearTimeout(retry);
    stream?.close();
    stream = new EventSource(root.dataset.live);
    stream.onopen = live;
    stream.onmessage = (message) => {
      live();
      show(JSON.parse(message.data));
    };
    stream.onerror = () => {
      stale();
      if (stream.readyState !== EventSource.CLOSED) return;
      retry = setTimeout(open, delay);
      delay = Math.min(delay * 2, RETRY_LAST);
    };
  };

  const live = () => {
    heard = null;
    delay = RETRY_FIRST;
    setAttribute(root, "data-connection", "live");
    setText(part("connection"), "Live");
  };

  const stale = () => {
    heard ??= new Date();
    setAttribute(root, "data-connection", "stale");
    const time = heard.toLocaleTimeString(locale, { hour: "2-digit", minute: "2-digit" });
    setText(part("connection"), `As of ${time}; reconnecting`);
  };

  // An open stream would keep the page out of the back/forward cache.
  addEventListener("pagehide", () => {
    clearTimeout(retry);
    stream?.close();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });

  open();
})();
