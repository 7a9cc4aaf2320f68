"""The page of the API: texts of the document are escaped, and it loads nothing."""

from scoring.live.api_page import render_page

DOCUMENT = {
    "info": {"title": "Lists <b>", "description": 'An error is `{"a": 1}` & more.'},
    "paths": {
        "/x/{id}": {
            "get": {
                "summary": "Read <x>",
                "description": "Reads `x`.",
                "security": [{"read token": []}],
                "parameters": [{"name": "id", "in": "path", "required": True, "description": "Number of `x`."}],
                "responses": {
                    "200": {
                        "description": "The answer.",
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"a": {"type": "array", "items": {"enum": ["b", "<c>"]}}},
                                }
                            }
                        },
                    },
                    "404": {"description": "It does not exist."},
                },
            }
        }
    },
}


def test_texts_are_escaped_and_words_in_backticks_are_code() -> None:
    page = render_page(DOCUMENT)
    assert "<title>Lists &lt;b&gt;</title>" in page
    assert "<h2>Read &lt;x&gt;</h2>" in page
    assert "<code>{&quot;a&quot;: 1}</code> &amp; more" in page
    assert "<td>Number of <code>x</code>.</td>" in page
    assert "b | &lt;c&gt;" in page
    assert "`" not in page


def test_operation_names_its_token_and_answers() -> None:
    page = render_page(DOCUMENT)
    assert "<code>GET /x/{id}</code>" in page
    assert "with the read token" in page
    assert "<td>404</td><td>It does not exist.</td>" in page


def test_page_has_no_scripts_and_no_other_hosts() -> None:
    page = render_page(DOCUMENT)
    assert "<script" not in page
    assert "http" not in page
