"""What is wrong with settings, in a line that names the first of them and quotes no value: one may be a secret."""

from collections.abc import Callable, Container, Mapping
from typing import Any, Final

from pydantic import ValidationError

_RULES: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "int_parsing": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a number",
    "bool_parsing": lambda _: "must be true or false",
    "greater_than": lambda rule: f"must be more than {rule['gt']:g}",
    "greater_than_equal": lambda rule: f"must be {rule['ge']:g} or more",
    "less_than_equal": lambda rule: f"must be {rule['le']:g} or less",
    "literal_error": lambda rule: f"must be {rule['expected']}",
    "too_short": lambda rule: f"must have {rule['min_length']} characters or more",
    "value_error": lambda rule: str(rule["error"]),
}
_OPTIONS: Final[Mapping[str, str]] = {"stt": "engine"}
"""Those that are not called as their setting."""


def first_mistake(error: ValidationError, prefix: str, options: Container[str] = ()) -> str:
    """Return the line.

    Args:
        error: of the settings.
        prefix: of their names in the environment.
        options: those that were given on the command line, by the names of the settings that they stand for.
    """
    first = error.errors(include_url=False, include_input=False)[0]
    rule = _RULES.get(first["type"])
    # Only the first part of the place is a setting's name; the rest is which of its types was tried.
    setting = str(first["loc"][0])
    name = f"--{_OPTIONS.get(setting, setting)}" if setting in options else f"setting {prefix}{setting.upper()}"
    return f"{name}: {rule(first.get('ctx', {})) if rule else first['msg']}"
