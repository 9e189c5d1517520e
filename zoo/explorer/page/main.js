// The page: it reads its address, shows a view, and keeps the address true.

import { read, write } from "./address.js";
import { element, keepSlidersWhileScrolling, onceEvery, say } from "./dom.js";
import { gallery } from "./gallery.js";
import { modelView } from "./model.js";
import { pairView } from "./pair.js";
import { trainingView } from "./training.js";

const THEMES = ["auto", "light", "dark"];
// milliseconds between two changes of the address: browsers take 100 in 30 seconds at least
const EVERY = 300;

/** Start the page with a backend. */
export function start(backend, { home = {} } = {}) {
  const place = document.getElementById("view");
  let state = { ...read(location.hash), ...(location.hash.length > 1 ? {} : home) };
  let shown = "";
  let turn = 0;

  const keep = onceEvery(EVERY, () => {
    shown = write(state);
    history.replaceState(null, "", shown);
  });

  const change = (part) => {
    Object.assign(state, part);
    keep();
  };
  /** The address of another view: of what was shown before, only the token and the seed stay. */
  const go = (part) => write({ token: state.token, seed: state.seed, n: state.n, moves: {}, t: 1, sel: 0, ...part });

  async function show() {
    turn += 1;
    const own = turn;
    const fresh = element("div", { class: "view" });
    place.replaceChildren(fresh);
    fresh.append(element("p", { class: "quiet" }, backend.loading ?? "Loading …"));
    place.setAttribute("aria-busy", "true");
    say("");
    menu(state, go, backend);
    document.title = state.view === "model" ? `${state.checkpoint} · zoo` : "zoo";
    try {
      if (state.view === "model") await modelView(fresh, backend, state, keep);
      else if (state.view === "pair" && backend.features.pair) await pairView(fresh, backend, state, change);
      else if (state.view === "training" && backend.features.runs) {
        await trainingView(fresh, backend, state, change);
      } else await gallery(fresh, backend, state, go, change);
    } catch (error) {
      if (own !== turn) return;
      fresh.replaceChildren(
        element("h1", {}, "This can't be shown"),
        element("p", { class: "problem", role: "alert" }, error.message),
        element("div", { class: "row" }, [
          element("button", { type: "button", click: show }, "Try again"),
          element("a", { href: go({ view: "gallery" }) }, "To the gallery"),
        ]),
      );
    }
    if (own === turn) place.setAttribute("aria-busy", "false");
  }

  addEventListener("hashchange", () => {
    keep.forget();
    if (location.hash === shown) return;
    state = { ...read(location.hash) };
    shown = location.hash;
    show();
    place.focus({ preventScroll: true }); // the keyboard goes on with what is new
  });
  document.getElementById("status").addEventListener("click", () => say(""));
  keepSlidersWhileScrolling();
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address says what is shown, and nothing else
    place.focus();
  });
  themeButton();
  show();
}

function menu(state, go, backend) {
  const entries = [["gallery", "Gallery"]];
  if (backend.features.pair) entries.push(["pair", "Side by side"]);
  if (backend.features.runs) entries.push(["training", "Trainings"]);
  document.getElementById("menu").replaceChildren(...entries.map(([view, name]) =>
    element("a", {
      href: go(view === "pair" && state.checkpoint ? { view, left: state.checkpoint } : { view }),
      "aria-current": state.view === view ? "page" : null,
    }, name)));
}

function themeButton() {
  const button = document.getElementById("theme");
  let theme = "auto";
  try {
    theme = localStorage.getItem("zoo-theme") ?? "auto";
  } catch {
    // a browser that keeps nothing
  }
  const use = () => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    button.replaceChildren("◐ ", element("span", { class: "roomy" }, "Theme: "), theme);
    button.setAttribute("aria-label", `Theme: ${theme}`);
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    try {
      localStorage.setItem("zoo-theme", theme);
    } catch {
      // it holds until the page is closed
    }
    use();
  });
  use();
}
