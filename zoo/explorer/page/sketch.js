// A canvas to draw on, or to drop a picture on: the model encodes it, and shows its copy.

import { element, newestOnly, onceAFrame, say } from "./dom.js";
import { paint, pictureCanvas, toPng } from "./show.js";

const SHOWN = 280; // CSS pixels of the longer side
const PEN = 0.09; // of the longer side
const COVER = "#b03070"; // what is covered

export function sketch(space, change) {
  const { model } = space;
  const [channels, height, width] = model.sampleShape;
  const scale = Math.max(1, Math.round(SHOWN / Math.max(height, width)));
  const large = [width * scale, height * scale];
  const canvas = element("canvas", {
    class: "sketch", width: large[0], height: large[1], role: "img",
    "aria-label": "Drawing area: draw with the pointer, or choose a picture below",
    pointerdown: begin, pointermove: go, pointerup: end, pointercancel: end,
    dragover: (event) => event.preventDefault(),
    drop: (event) => { event.preventDefault(); take(event.dataTransfer.files[0]); },
  });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  const copy = pictureCanvas("What the model makes of the drawing", "pixels copy");
  const tool = element("select", { id: "tool" }, [
    element("option", { value: "draw" }, "Draw"),
    element("option", { value: "erase" }, "Erase"),
    model.can.inpaint ? element("option", { value: "mask" }, "Cover a part") : "",
  ]);
  const colour = channels === 3
    ? element("input", { type: "color", id: "colour", value: "#ffffff" }) : null;
  const file = element("input", {
    type: "file", id: "picture", accept: "image/*", change: () => take(file.files[0]),
  });
  const mask = document.createElement("canvas");
  const cover = mask.getContext("2d", { willReadFrequently: true });
  let last = null;
  let used = false;

  function clear() {
    pen.globalCompositeOperation = "source-over";
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, ...large);
    [mask.width, mask.height] = large;
    copy.width = 1;
    used = false;
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) * (large[0] / box.width),
      (event.clientY - box.top) * (large[1] / box.height)];
  }

  function begin(event) {
    canvas.setPointerCapture(event.pointerId);
    last = at(event);
    stroke(last);
  }

  function go(event) {
    if (!last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) stroke(at(one));
  }

  function end() {
    last = null;
  }

  function stroke(to) {
    const covers = tool.value === "mask";
    cover.globalCompositeOperation = covers ? "source-over" : "destination-out";
    const paints = { draw: colour?.value ?? "#fff", erase: "#000", mask: COVER };
    draw(pen, paints[tool.value], to);
    draw(cover, "#fff", to);
    last = to;
    used = true;
    if (model.can.encode && !covers) follow();
  }

  function draw(onto, paint, to) {
    onto.lineCap = "round";
    onto.lineWidth = PEN * Math.max(...large) * (tool.value === "draw" ? 1 : 2);
    onto.strokeStyle = paint;
    onto.beginPath();
    onto.moveTo(...last);
    onto.lineTo(to[0] + 0.01, to[1]); // a click leaves a dot
    onto.stroke();
  }

  /** Put a picture on the canvas, its middle, as large as fits. */
  async function take(blob) {
    if (!blob) return;
    let picture;
    try {
      picture = await createImageBitmap(blob);
    } catch {
      say(`${blob.name ?? "This file"} is no picture that the browser can show.`, "problem");
      return;
    }
    clear();
    const factor = Math.max(large[0] / picture.width, large[1] / picture.height);
    const size = [picture.width * factor, picture.height * factor];
    pen.imageSmoothingQuality = "high";
    pen.drawImage(picture, (large[0] - size[0]) / 2, (large[1] - size[1]) / 2, ...size);
    used = true;
    if (model.can.encode) follow();
  }

  /** The drawing at the size of a sample, as a PNG; what is covered is black, or transparent. */
  function shrunk(withHoles = false) {
    const small = element("canvas", { width, height });
    const onto = small.getContext("2d", { willReadFrequently: true });
    onto.imageSmoothingQuality = "high";
    onto.drawImage(canvas, 0, 0, width, height);
    const pixels = onto.getImageData(0, 0, width, height);
    onto.clearRect(0, 0, width, height);
    onto.drawImage(mask, 0, 0, width, height);
    const covered = onto.getImageData(0, 0, width, height);
    for (let i = 3; i < pixels.data.length; i += 4) {
      if (covered.data[i] === 0) continue;
      pixels.data.fill(0, i - 3, i);
      if (withHoles) pixels.data[i] = 0;
    }
    onto.putImageData(pixels, 0, 0);
    return toPng(small);
  }

  const newest = newestOnly(async () => {
    try {
      await show(await model.encode(await shrunk(), space.currentLabel()));
    } catch (error) {
      say(error.message, "problem");
    }
  });
  const follow = onceAFrame(newest);

  /** Show a latent's picture, or another, and make the latent the one that the sliders move. */
  async function show(latent, picture = null) {
    const label = space.currentLabel();
    paint(copy, picture ?? await model.decode(latent, 1, label === null ? null : [label]));
    change(space.constructor.asState(latent));
  }

  let answers = 0;

  /** Another answer each time. */
  async function fillIn() {
    const painted = cover.getImageData(0, 0, ...large).data;
    if (!painted.some((value) => value > 0)) throw new Error("Cover a part first: choose “Cover a part” as the pen, and paint over it.");
    const { latents, picture } = await model.inpaint(
      await shrunk(true), space.currentLabel(), space.state.seed + answers);
    answers += 1;
    await show(latents, picture);
  }

  const ofClass = element("p", { class: "quiet" });

  function tellClass() {
    const label = space.currentLabel();
    ofClass.hidden = label === null;
    ofClass.textContent = `It is taken for the class ${model.classNames[label] ?? label}. `
      + "The buttons under “Class” choose another.";
  }

  function slow(name, work) {
    const button = element("button", {
      type: "button",
      click: async () => {
        if (!used) {
          say("Draw something first, or choose a picture.");
          return;
        }
        button.disabled = true;
        say(`${name} …`);
        try {
          await work();
          say("Done.");
        } catch (error) {
          say(error.message, "problem");
        } finally {
          button.disabled = false;
        }
      },
    }, name);
    return button;
  }

  clear();
  const place = element("section", { class: "panel", "aria-labelledby": "sketch-title" }, [
    element("h2", { id: "sketch-title" }, "Draw"),
    element("p", { class: "quiet" }, model.can.encode
      ? "Draw in the black area. The model encodes the drawing and decodes it again."
      : "Draw in the black area, then look for the latent whose picture is nearest."),
    ofClass,
    element("div", { class: "drawing" }, [
      element("figure", {}, [canvas, element("figcaption", {}, "your drawing")]),
      element("figure", {}, [copy, element("figcaption", {}, "what the model makes of it")]),
    ]),
    element("div", { class: "row" }, [
      element("div", { class: "field" }, [element("label", { for: "tool" }, "Pen"), tool]),
      colour ? element("div", { class: "field" }, [
        element("label", { for: "colour" }, "Colour"), colour]) : "",
      element("button", { type: "button", click: clear }, "Clear"),
      model.can.invert ? slow("Find the nearest picture", async () =>
        show(await model.invert(await shrunk(), space.currentLabel()))) : "",
      model.can.inpaint ? slow("Fill in what is covered", fillIn) : "",
    ]),
    element("div", { class: "field" }, [
      element("label", { for: "picture" }, "Or a picture of yours"), file,
    ]),
  ]);
  return { place, show: tellClass };
}
