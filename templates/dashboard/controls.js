// What keys and pointers do on /stats/. Everything here is a shorter way to a link that is on the page.
"use strict";

(() => {
  const root = document.getElementById("dashboard");
  if (!root) return;

  const REFRESH_EVERY = 30_000;
  const KEYS = "tallymark.keys";
  const NAMES = { ArrowLeft: "←", ArrowRight: "→", Escape: "Esc" };

  // Without storage the keys are on, each time anew.
  const areKeysOn = () => {
    try {
      return localStorage.getItem(KEYS) !== "off";
    } catch {
      return true;
    }
  };
  const turnKeys = (on) => {
    try {
      if (on) localStorage.removeItem(KEYS);
      else localStorage.setItem(KEYS, "off");
    } catch {
      // Then they are as they were.
    }
  };

  // The chart is one stop for the tab key; arrows go from step to step.
  const steps = () => [...root.querySelectorAll(".plot svg a")];
  const setSteps = () => steps().forEach((step, at, all) => step.setAttribute("tabindex", at === all.length - 1 ? 0 : -1));
  const moveTo = (step) => {
    for (const other of steps()) other.setAttribute("tabindex", other === step ? 0 : -1);
    step.focus();
  };
  const moveInChart = (event) => {
    const all = steps();
    const at = all.indexOf(document.activeElement);
    if (at < 0) return false;
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return false;
    if (all[to]) moveTo(all[to]);
    return true;
  };

  // What a step says is shown below the chart as well, for those who do not wait for a tooltip.
  const stepAt = (target) => target?.closest?.(".plot svg a, .plot .step");
  const tell = (step) => {
    const readout = root.querySelector("[data-stat=readout]");
    if (readout) readout.textContent = step?.querySelector("title")?.textContent ?? "";
  };
  // A pointer tells when it is moved, not when the page scrolls below it: that happens under keys as well.
  root.addEventListener("pointermove", (event) => tell(stepAt(event.target) ?? stepAt(document.activeElement)));
  root.addEventListener("focusin", (event) => tell(stepAt(event.target)));
  root.addEventListener("focusout", (event) => tell(stepAt(event.relatedTarget)));

  // The sheet is made of the links that have keys.
  const sheet = document.createElement("dialog");
  sheet.className = "keys";
  sheet.setAttribute("aria-labelledby", "keys-heading");
  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });
  const showSheet = () => {
    const list = document.createElement("dl");
    const add = (key, text) => {
      const term = document.createElement("dt");
      term.append(element("kbd", NAMES[key] ?? key));
      list.append(term, element("dd", text));
    };
    for (const link of root.querySelectorAll("[data-key]")) add(link.dataset.key, link.textContent);
    add("?", "This sheet");
    const heading = element("h2", "Keys");
    heading.id = "keys-heading";
    const toggle = element("button", areKeysOn() ? "Turn these keys off" : "Turn these keys on");
    toggle.addEventListener("click", () => turnKeys(!areKeysOn()));
    const form = document.createElement("form");
    form.method = "dialog";
    form.append(element("button", "Close"), toggle);
    sheet.replaceChildren(heading, list, form);
    if (!sheet.isConnected) root.append(sheet);
    sheet.showModal();
  };
  const setButton = () => {
    const button = root.querySelector("[data-stat=keys]");
    button.hidden = false;
    button.onclick = showSheet;
  };

  const isTyping = ({ target }) => target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName);
  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (sheet.open || isTyping(event)) return;
    if (moveInChart(event)) return event.preventDefault();
    if (event.key === "?" && areKeysOn()) return showSheet();
    if (!areKeysOn() || (event.shiftKey && event.key.startsWith("Arrow"))) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const link = [...root.querySelectorAll("[data-key]")].find(({ dataset }) => dataset.key === key);
    if (!link) return;
    event.preventDefault();
    link.click();
  });

  // What is not live is fetched again when numbers have changed, at most every half minute, while it is looked at.
  let timer = 0;
  let fetched = Date.now();
  const refreshSoon = () => {
    if (timer || document.hidden) return;
    timer = setTimeout(refresh, Math.max(0, fetched + REFRESH_EVERY - Date.now()));
  };
  const refresh = async () => {
    timer = 0;
    fetched = Date.now();
    const [address] = location.href.split("#");
    const answer = await fetch(address, { headers: { accept: "text/html" } }).catch(() => null);
    if (!answer?.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of root.querySelectorAll("[data-part]")) {
      exchange(part, page.querySelector(`[data-part="${part.dataset.part}"]`));
    }
  };
  // What is being used stays as it is until next time.
  const exchange = (part, newer) => {
    if (!newer || part.contains(document.activeElement) || part.matches(":hover")) return;
    const open = [...part.querySelectorAll("details")].map((details) => details.open);
    newer.querySelectorAll("details").forEach((details, at) => {
      details.open = open[at] ?? false;
    });
    part.replaceWith(document.adoptNode(newer));
    setSteps();
  };
  root.addEventListener("numbers", refreshSoon);
  document.addEventListener("visibilitychange", refreshSoon);

  setSteps();
  setButton();
})();
