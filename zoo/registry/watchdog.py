"""Waiting for a guest: once that has taken a few seconds, a line says for which plugin."""

import sys
import threading
import time

PATIENCE = 3.0  # seconds
GLANCE = 0.1  # seconds between two looks at the clock


class Waiting:
    """Watches from a thread of its own, inside `with`, how long each plugin keeps the zoo."""

    def __init__(self) -> None:
        self._plugin = ""
        self._since = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Waiting":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._over.set()
        self._thread.join()

    def begin(self, plugin: str) -> None:
        """From now on it is this plugin that is waited for, in words such as "the plugin 'vae' of
        genzoo".
        """
        self._plugin, self._since = "", time.monotonic()
        self._plugin = plugin

    def _watch(self) -> None:
        said = ""
        while not self._over.wait(GLANCE):
            plugin = self._plugin
            if plugin and plugin != said and time.monotonic() - self._since > PATIENCE:
                said = plugin
                print(
                    f"Waiting for {plugin}. Ctrl-C stops, and says how to leave it out.",
                    file=sys.stderr,
                )
