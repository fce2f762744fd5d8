"""The page of a report: headings, plots and tables in one file."""

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

_STYLE: Final = """
:root{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif;--c0:#2563eb;--c1:#d97706;--c2:#dc2626;--c3:#059669;
--c4:#7c3aed;--c5:#0891b2;--c6:#9ca3af}
main{max-width:62rem;margin:2rem auto;padding:0 1rem}h2{margin:2rem 0 .5rem}svg{width:100%;height:auto}
svg text{font-size:11px;fill:currentColor}.grid{stroke:currentColor;opacity:.15}.whisker{stroke:currentColor;opacity:.6}
.line{fill:none;stroke-width:1.5}.c0{stroke:var(--c0);color:var(--c0)}.c1{stroke:var(--c1);color:var(--c1)}
.c2{stroke:var(--c2);color:var(--c2)}.c3{stroke:var(--c3);color:var(--c3)}.c4{stroke:var(--c4);color:var(--c4)}
.c5{stroke:var(--c5);color:var(--c5)}.c6{stroke:var(--c6);color:var(--c6)}
.bar,.dot{fill:currentColor;stroke:none}.key{margin-right:1rem}
.key::before{content:"■ "}table{border-collapse:collapse}td,th{padding:.2rem .8rem .2rem 0;text-align:right}
td:first-child,th:first-child,.text{text-align:left}.none{opacity:.6}.wide{overflow-x:auto}
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading, what it means, and what is under it."""

    title: str
    text: str = ""
    body: str = ""
    """Markup made by `balto.report`, never text that was given."""


def page(title: str, about: str, sections: Iterable[Section]) -> str:
    """Return a whole page. It asks for nothing from elsewhere and runs nothing; its own policy says so."""
    parts = "".join(
        f"<section><h2>{html.escape(one.title)}</h2><p>{html.escape(one.text)}</p>{one.body}</section>"
        for one in sections
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{html.escape(title)}</h1><p>{html.escape(about)}</p>{parts}</main></body></html>\n"
    )


def table(rows: Sequence[Any], columns: Mapping[str, str] | Sequence[str]) -> str:
    """Return dataclass rows as a table of some of their columns, which may be given with their headings."""
    headings = columns if isinstance(columns, Mapping) else {name: name for name in columns}
    # Figures stand to the right, as the style has it; the first column is left of all.
    texts = {name for name in list(headings)[1:] if rows and isinstance(getattr(rows[0], name), str)}
    opening = {name: '<{} class="text">' if name in texts else "<{}>" for name in headings}
    head = "".join(f"{opening[name].format('th')}{html.escape(told)}</th>" for name, told in headings.items())
    body = "".join(
        "<tr>"
        + "".join(f"{opening[name].format('td')}{html.escape(_cell(getattr(row, name)))}</td>" for name in headings)
        + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><tr>{head}</tr>{body}</table></div>'


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1 else f"{value:.1f}"
    return str(value)
