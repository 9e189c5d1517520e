"""Real environments, and plugin distributions that are really installed there."""

import os
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import venv
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder


class Environment:
    """A virtual environment that sees this one's packages, to pip install guests in."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = folder / "bin" / "python"
        venv.create(folder, with_pip=False, symlinks=True)
        own = sysconfig.get_path("purelib", vars={"base": str(folder)})
        parent = sysconfig.get_path("purelib")
        # addsitedir, not a plain path: an editable genzoo is itself a .pth file there
        Path(own, "parent.pth").write_text(f"import site; site.addsitedir({parent!r})\n")

    def install(self, *projects: Path, editable: bool = False) -> None:
        """pip install source trees, without their dependencies: built here by their backend, for
        speed.
        """
        with tempfile.TemporaryDirectory() as folder:
            version = ["editable" if editable else "standard"]
            wheels = [
                next(WheelBuilder(str(tree)).build(directory=folder, versions=version))
                for tree in projects
            ]
            self.install_wheels(*wheels)

    def install_wheels(self, *wheels: object) -> None:
        """pip install what was built before."""
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self.python),
            "install",
            "--quiet",
            "--no-index",
        ]
        command += ["--no-deps", "--force-reinstall", "--no-compile", "--disable-pip-version-check"]
        subprocess.run([*command, *map(str, wheels)], check=True, capture_output=True, text=True)

    def zoo(self, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `zoo` there, as a process of its own."""
        command = [str(self.python), "-m", "zoo", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **environment}
        )


def write_plugin(
    folder: Path,
    name: str,
    code: str,
    *,
    distribution: str = "",
    requires: str = "genzoo",
    **modules: str,
) -> Path:
    """The source tree of a plugin distribution `zoo-NAME` whose entry module `zoo_NAME` holds
    `code`.

    `modules` are further modules of the package, by name; `distribution` another name for the
    distribution; `requires` what it depends on."""
    distribution = distribution or f"zoo-{name}"
    package = "zoo_" + distribution.removeprefix("zoo-").replace("-", "_")
    tree = folder / distribution
    (tree / package).mkdir(parents=True)
    for module, text in {"__init__": code, **modules}.items():
        (tree / package / f"{module}.py").write_text(textwrap.dedent(text))
    (tree / "pyproject.toml").write_text(
        textwrap.dedent(
            f"""\
            [build-system]
            requires = ["hatchling"]
            build-backend = "hatchling.build"

            [project]
            name = "{distribution}"
            version = "0.1.0"
            dependencies = ["{requires}"]

            [project.entry-points.zoo]
            {name} = "{package}"

            [tool.hatch.build.targets.wheel]
            packages = ["{package}"]
            """
        )
    )
    return tree
