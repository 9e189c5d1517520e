// The field of a seed, and the button that takes another.

import { element, say } from "./dom.js";

const LARGEST = 2 ** 32 - 1;
const RULE = `A seed is a whole number from 0 to ${LARGEST}.`;

/** The elements, and a function that shows a seed; `use` is called with each that can be one. */
export function seedField(id, first, use) {
  let seed = first;
  const input = element("input", {
    id, type: "number", min: 0, max: LARGEST, step: 1, value: seed,
    input: () => {
      const number = Number(input.value);
      const isEmpty = input.value === "" && !input.validity.badInput;
      const isSeed = input.value !== "" && Number.isInteger(number) && number >= 0
        && number <= LARGEST;
      input.setCustomValidity(isSeed ? "" : RULE);
      say(isSeed || isEmpty ? "" : RULE, "problem");
      if (isSeed) use(seed = number);
    },
    // what can't be a seed does not stay in the field
    change: () => {
      if (input.validity.customError) say(RULE);
      input.setCustomValidity("");
      input.value = seed;
    },
  });
  const another = element("button", {
    type: "button",
    click: () => {
      const [fresh] = crypto.getRandomValues(new Uint32Array(1));
      show(fresh % 1000000);
      use(seed);
    },
  }, "Another");
  function show(now) {
    seed = now;
    if (document.activeElement !== input) input.value = seed;
  }
  const field = element("div", { class: "field" }, [element("label", { for: id }, "Seed"), input]);
  return { parts: [field, another], show };
}
