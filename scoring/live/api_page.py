"""The page `/docs` of the service: its OpenAPI document as plain HTML, without scripts and without other hosts."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

__all__ = ["render_page"]

_STYLE: Final = """\
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b;
       background: #fff; }
h2 { border-top: 1px solid #c8c8c8; padding-top: 1.5rem; margin-top: 2rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.9em; }
pre { background: #f3f3f3; padding: 0.75rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #dedede; }
@media (prefers-color-scheme: dark) {
  body { color: #e6e6e6; background: #181818; }
  pre { background: #262626; }
  a { color: #8ab4f8; }
  h2, th, td { border-color: #444; }
}
"""


def render_page(document: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document."""
    title = html.escape(document["info"]["title"])
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1>",
        f"<p>{_render_text(document['info'].get('description', ''))}</p>",
        '<p>For programs: <a href="openapi.json">openapi.json</a>.</p>',
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts += _render_operation(method.upper(), path, operation)
    return "\n".join([*parts, "</main></body></html>\n"])


def _render_operation(method: str, path: str, operation: Mapping[str, Any]) -> Iterator[str]:
    yield f"<h2>{html.escape(operation['summary'])}</h2>"
    yield f"<p><code>{method} {html.escape(path)}</code></p>"
    if "description" in operation:
        yield f"<p>{_render_text(operation['description'])}</p>"
    needed = [name for scheme in operation.get("security", ()) for name in scheme]
    if needed:
        yield f"<p>Header: <code>Authorization: Bearer TOKEN</code>, with the {html.escape(needed[0])}.</p>"
    rows = [
        (part["name"], part["in"], "yes" if part["required"] else "no", part.get("description", ""))
        for part in operation.get("parameters", ())
    ]
    if rows:
        yield _render_table(("parameter", "in", "required", "meaning"), rows)
    body = operation.get("requestBody")
    if body is not None:
        yield "<h3>Body</h3>"
        yield _render_json(body["content"]["application/json"]["example"])
    yield "<h3>Answers</h3>"
    yield _render_table(
        ("status", "meaning"), [(status, answer["description"]) for status, answer in operation["responses"].items()]
    )
    media, content = next(iter(operation["responses"]["200"]["content"].items()))
    if media == "application/json":
        yield _render_json(_make_example(content["schema"]))


def _render_table(columns: tuple[str, ...], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_render_text(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _render_text(text: str) -> str:
    """Return a text as HTML. Words between backticks are code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _render_json(value: object) -> str:
    # a wide example scrolls: the keyboard must reach it
    return f'<pre tabindex="0">{html.escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>'


def _make_example(schema: Mapping[str, Any]) -> Any:
    """Return a value of a schema: the name of the type at each place."""
    if schema.get("type") == "object":
        return {name: _make_example(part) for name, part in schema.get("properties", {}).items()}
    if schema.get("type") == "array":
        return [_make_example(schema["items"])]
    return " | ".join(schema["enum"]) if "enum" in schema else schema.get("type", "value")
