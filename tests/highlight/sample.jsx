#!/usr/bin/env node
import React, { useState } from "react";
// A comment.
const PATTERN = /^[a-z/]+\/(\d+)$/gi;
const half = total / 2 / count;

/** Documented. */
export default function Counter({ start = 0, ...rest }) {
  const [count, setCount] = useState(start);
  const label = `Count: ${count > 9 ? `many (${count})` : "few"}\n`;
  class Store extends Base { #secret = 1; get value() { return this.#secret; } }
  return (
    <section className="counter" {...rest}>
      {/* a note */}
      <button disabled onClick={() => setCount((n) => n + 1)}>
        Add {label.trim()} &amp; more, if you like
      </button>
      <Icon.Plus size={24} />
      <>
        {items.map((item) => <li key={item.id}>{item.name}</li>)}
      </>
    </section>
  );
}
if (a < b && c > d) x = y ?? null;
