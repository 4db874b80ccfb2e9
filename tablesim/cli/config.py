"""Defaults of options from a file, a table for each command: TOML, as ``click`` takes them (``default_map``).

What stands on the command line comes first, then the file, then what the program itself takes. The file is the one of
``--config``, else of the variable ``TABLESIM_CONFIG``, else ``tablesim.toml`` in the folder where the command is given.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tablesim.errors import SettingsError
from tablesim.files import refuse_special

NAME, VARIABLE = "tablesim.toml", "TABLESIM_CONFIG"
MAX_BYTES = 100_000
NEVER = ("force", "repair", "help")
"""What replaces or removes files is said each time."""

Config = dict[str, dict[str, Any]]


def config_path(given: Path | None) -> Path | None:
    """The file that holds; None where there is none."""
    if given is not None:
        return given
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return Path(NAME) if Path(NAME).is_file() else None


def read_config(path: Path, commands: Collection[str]) -> Config:
    """The defaults in a file by command, names of options with underscores; SettingsError for what cannot be meant."""
    try:
        refuse_special(path)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise SettingsError(f"{path}: more than {MAX_BYTES:,} bytes; expected a few lines of defaults")
        tables = tomllib.loads(data.decode())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{path}: no TOML ({error}); expected lines such as `workers = 4` below `[run]`") from error
    config = {}
    for command, table in tables.items():
        if command not in commands:
            raise SettingsError(f"{path}: {_unknown(command, 'command', commands)}")
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: {command}: got {table!r}, expected options below a line [{command}]")
        config[command] = {name.removeprefix("--").replace("-", "_"): value for name, value in table.items()}
    return config


def checked_options(path: Path, command: str, table: Mapping[str, Any], options: Collection[str]) -> dict[str, Any]:
    """The defaults of one command, whose ``options`` are known; SettingsError for one that it does not have."""
    for name, value in table.items():
        if name in NEVER:
            raise SettingsError(f"{path}: {command}: --{name} has to be given on the command line; remove it")
        if name not in options:
            raise SettingsError(f"{path}: {command}: {_unknown(name, 'option', options)}")
        if isinstance(value, dict):
            raise SettingsError(f"{path}: {command}: {name}: got a table, expected a value")
    return dict(table)


def config_words(path: Path, command: str, table: Mapping[str, Any]) -> str:
    """The defaults of a command in a line."""
    options = " ".join(f"--{name.replace('_', '-')} {_written(value)}" for name, value in table.items())
    return f"{path}: defaults for {command}: {options}"


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _unknown(name: str, what: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0].replace('_', '-')}?" if near else f"expected one of {', '.join(sorted(known))}"
    return f"no {what} {name!r}; {hint}"
