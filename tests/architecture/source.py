"""Python sources as the guards read them: module names, syntax trees, names resolved through their imports."""

from __future__ import annotations

import ast
import builtins
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "runtime", "services", "cli")


@dataclass(frozen=True)
class Source:
    """One file: its dotted module name, its text, its tree."""

    module: str
    text: str
    is_package: bool = False

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def names(self) -> dict[str, str]:
        """Local name -> the dotted path it stands for, from every import in the file, nested ones included."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for item in node.names:
                    root = item.name.split(".")[0]
                    found[item.asname or root] = item.name if item.asname else root
            elif isinstance(node, ast.ImportFrom):
                for item in node.names:
                    found[item.asname or item.name] = f"{self.origin(node)}.{item.name}"
        return found

    @cached_property
    def variables(self) -> set[str]:
        """Names that the file itself gives a value, and that are no builtin's."""
        stored = {n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        return (stored | {n.arg for n in ast.walk(self.tree) if isinstance(n, ast.arg)}) - set(dir(builtins))

    def origin(self, node: ast.ImportFrom) -> str:
        """The absolute module of a `from … import`, relative ones resolved."""
        if not node.level:
            return node.module or ""
        here = self.module.split(".")
        parent = here[: len(here) - node.level + (1 if self.is_package else 0)]
        return ".".join([*parent, *([node.module] if node.module else [])])

    def dotted(self, node: ast.expr) -> str | None:
        """`e.environ` -> "os.environ" where `e` is an imported module, through getattr and literal dynamic imports too.

        None when the expression does not start at an import or a builtin.
        """
        if isinstance(node, ast.Name):
            own = node.id in self.variables and node.id not in self.names
            return None if own else self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else None
        if isinstance(node, ast.Call):
            called = self.dotted(node.func)
            if called in DYNAMIC_IMPORTS and (name := literal(first_argument(node))):
                return name
            if called == "getattr" and len(node.args) >= 2 and (name := literal(node.args[1])):
                owner = self.dotted(node.args[0])
                return f"{owner}.{name}" if owner else None
        return None

    def uses(self) -> Iterator[tuple[int, str]]:
        """Line and dotted path of every name, attribute and `from … import` in the file."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Name | ast.Attribute | ast.Call):
                path = self.dotted(node)
                if path:
                    yield node.lineno, path
            elif isinstance(node, ast.ImportFrom):
                for item in node.names:
                    yield node.lineno, f"{self.origin(node)}.{item.name}"


DYNAMIC_IMPORTS = frozenset(
    {
        "__import__",
        "builtins.__import__",
        "importlib.import_module",
        "importlib.__import__",
        "pkgutil.resolve_name",
        "runpy.run_module",
        "importlib.util.find_spec",
    }
)


def first_argument(call: ast.Call) -> ast.expr | None:
    if call.args:
        return call.args[0]
    return next((keyword.value for keyword in call.keywords if keyword.arg in {"name", "mod_name"}), None)


def literal(node: ast.expr | None) -> str | None:
    """The text of a string constant, also of one glued together from constants; None for anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = literal(node.left), literal(node.right)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.JoinedStr):
        parts = [literal(part.value if isinstance(part, ast.FormattedValue) else part) for part in node.values]
        return None if None in parts else "".join(part or "" for part in parts)
    return None


def in_package(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def sources(root: Path = ROOT, packages: tuple[str, ...] = PACKAGES) -> list[Source]:
    """Every Python file of these packages, in order of its name."""
    found = []
    for package in packages:
        for path in sorted((root / package).rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            module = ".".join(parts[:-1] if is_package else parts)
            found.append(Source(module, path.read_text("utf-8"), is_package))
    return found


def tracked_files(root: Path = ROOT) -> list[Path]:
    """The files of the repository: tracked, or new and not ignored; relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=root,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [Path(name) for name in names if name and (root / name).is_file()]
