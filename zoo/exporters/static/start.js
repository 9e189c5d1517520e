// The page that is the model: its backend runs the model in the browser.

import { OnnxBackend } from "./onnx.js";
import { start } from "./main.js";

const place = document.getElementById("view");
try {
  const backend = await OnnxBackend.begin(new URL("../", import.meta.url));
  start(backend, { home: { view: "model", checkpoint: backend.record.name } });
} catch (error) {
  place.textContent = `The model can't be loaded: ${error.message}`;
}
