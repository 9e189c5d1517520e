// The page of `zoo play`: its backend is the server that it came from.

import { read } from "./address.js";
import { HttpBackend } from "./http.js";
import { start } from "./main.js";

start(new HttpBackend(read(location.hash).token ?? ""));
