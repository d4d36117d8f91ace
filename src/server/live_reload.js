// Keeps a tab up to date while its pages are written: loads it again after a build, exchanges style sheets in
// place, and lays what is wrong over the page until it is mended. The browser keeps the scroll position.
"use strict";

(() => {
  const LOOK = `
    :host { all: initial; }
    section {
      position: fixed; inset: auto 1rem 1rem 1rem; z-index: 2147483647; max-height: 60vh; overflow: auto;
      box-sizing: border-box; padding: 1rem 1.25rem; border-radius: .5rem; border-left: .5rem solid #d7263d;
      background: #1b1b1f; color: #f4f4f5; font: 15px/1.5 system-ui, sans-serif;
      box-shadow: 0 .5rem 2rem rgb(0 0 0 / .4);
    }
    section.mild { inset: auto 1rem 1rem auto; border-color: #d9a400; }
    summary { padding-right: 2rem; cursor: pointer; }
    h2 { margin: 0 0 .5rem; font-size: 1rem; }
    button { float: right; border: 0; background: none; color: inherit; font: inherit; cursor: pointer; }
    code { display: block; color: #9ecbff; font: 13px/1.5 ui-monospace, monospace; }
    p { margin: 0 0 .75rem; white-space: pre-wrap; }
    p.help { color: #b7e3b0; }
  `;

  let seen = null;
  let overlay = null;

  const add = (parent, name, text, className) => {
    const element = document.createElement(name);
    element.textContent = text;
    if (className) element.className = className;
    parent.append(element);
    return element;
  };

  const addProblems = (parent, problems) => {
    for (const problem of problems) {
      add(parent, "code", problem.place);
      add(parent, "p", problem.text);
      if (problem.help) add(parent, "p", problem.help, "help");
    }
  };

  const showProblems = (problems) => {
    overlay?.remove();
    overlay = null;
    if (problems.length === 0) return;
    overlay = document.createElement("tallymark-problems");
    const root = overlay.attachShadow({ mode: "open" });
    const look = new CSSStyleSheet();
    look.replaceSync(LOOK);
    root.adoptedStyleSheets = [look];
    const section = add(root, "section", "");
    section.setAttribute("role", "alert");
    section.className = problems.some((problem) => problem.is_error) ? "" : "mild";
    const close = add(section, "button", "×");
    close.setAttribute("aria-label", "Hide");
    close.addEventListener("click", () => overlay?.remove());
    const count = (list, word) => `${list.length} ${word}${list.length === 1 ? "" : "s"}`;
    const errors = problems.filter((problem) => problem.is_error);
    const warnings = problems.filter((problem) => !problem.is_error);
    if (errors.length > 0) {
      add(section, "h2", count(errors, "error"));
      addProblems(section, errors);
    }
    // Warnings do not keep a page from being right: they stay folded until somebody wants to read them.
    if (warnings.length > 0) {
      const details = add(section, "details", "");
      add(details, "summary", count(warnings, "warning"));
      addProblems(details, warnings);
    }
    document.documentElement.append(overlay);
  };

  // A new link takes the place of the old one only when it has loaded, so nothing is ever unstyled. A page may
  // name its style sheet by fingerprint, which has changed: ask the page as it is now for the name.
  const exchangeStyles = async () => {
    const answer = await fetch(location.href, { cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const old = [...document.querySelectorAll("link[rel~=stylesheet]")];
    const fresh = [...page.querySelectorAll("link[rel~=stylesheet]")];
    if (old.length !== fresh.length) return location.reload();
    old.forEach((link, index) => {
      const next = link.cloneNode();
      const url = new URL(fresh[index].getAttribute("href"), location.href);
      if (url.origin !== location.origin) return;
      url.searchParams.set("reload", seen.styles);
      next.href = url.href;
      next.addEventListener("load", () => link.remove(), { once: true });
      link.after(next);
    });
  };

  const open = () => {
    const script = document.querySelector('script[src$="/_/reload.js"]');
    const stream = new EventSource(script ? script.src.replace(/\.js$/, "") : "/_/reload");
    stream.onmessage = (message) => {
      const before = seen;
      seen = JSON.parse(message.data);
      if (before && (before.run !== seen.run || before.pages !== seen.pages)) return location.reload();
      showProblems(seen.problems);
      if (before && before.styles !== seen.styles) exchangeStyles();
    };
    addEventListener("pagehide", () => stream.close(), { once: true });
  };

  addEventListener("pageshow", (event) => {
    if (event.persisted) open();
  });
  open();
})();
