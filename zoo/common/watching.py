"""What passes the steps of a long task on, and shows how far it is."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

# gets the steps, how many there are and what is being done, and passes the steps on
Watch = Callable[[Iterable[Any], int, str], Iterator[Any]]
