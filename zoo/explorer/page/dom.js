// Elements of the page, made in one line.

/** An element with attributes and children; a function among the attributes listens to an event. */
export function element(name, attributes = {}, children = []) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) {
      made.setAttribute(key, value);
    }
  }
  made.append(...[children].flat().filter((one) => one !== "" && one !== null));
  return made;
}

/** Call a function at most once a frame, with the arguments that came last. */
export function onceAFrame(call) {
  let waiting = null;
  return (...given) => {
    if (waiting === null) {
      requestAnimationFrame(() => {
        const last = waiting;
        waiting = null;
        call(...last);
      });
    }
    waiting = given;
  };
}

/** Call a function at once, and again at the earliest so many milliseconds later, for all calls in
 * between; `forget()` drops a call that waits. */
export function onceEvery(milliseconds, call) {
  let timer = null;
  let wanted = false;
  function next() {
    timer = wanted ? setTimeout(next, milliseconds) : null;
    if (wanted) call();
    wanted = false;
  }
  function limited() {
    wanted = true;
    if (timer === null) next();
  }
  limited.forget = () => { wanted = false; };
  return limited;
}

/** Run an asynchronous function again for the newest arguments only, never twice at once. */
export function newestOnly(call) {
  let running = false;
  let next = null;
  return async (...given) => {
    next = given;
    if (running) return;
    running = true;
    try {
      while (next !== null) {
        const now = next;
        next = null;
        await call(...now);
      }
    } finally {
      running = false;
    }
  };
}

/** Give a file to the person. */
export function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}

/** A finger that scrolls the page over a slider leaves the slider as it was. */
export function keepSlidersWhileScrolling() {
  let before = null;
  addEventListener("pointerdown", ({ target }) => {
    before = target.type === "range" ? target.value : null;
  });
  addEventListener("pointercancel", ({ target }) => {
    if (before === null || target.value === before) return;
    target.value = before;
    target.dispatchEvent(new Event("input"));
  });
}

const SHOWN = 5000; // milliseconds that a note stays
let leaving = null;

/** Say something to those who see the page and to those who hear it; a problem stays. */
export function say(text, kind = "note") {
  const place = document.getElementById("status");
  if (!place) return;
  clearTimeout(leaving);
  place.textContent = text;
  place.className = kind;
  if (kind === "note" && !text.endsWith("…")) {
    leaving = setTimeout(() => { place.textContent = ""; }, SHOWN);
  }
}
