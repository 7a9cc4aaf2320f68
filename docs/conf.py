"""Settings of the documentation site, which `make docs` builds from the root of the repository."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs" / "_ext")]

import scoring.array_types  # noqa: E402

# A page of the site is a file of the repository, so that its links work in both.
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "README.md",
    "MIGRATING.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "benchmarks/README.md",
    "data/README.md",
    "examples/**/README.md",
]
exclude_patterns = [".*", "build", "scoring", "tests", "scripts", "docs/_*", "data/sample", "data/*runs"]

project = "scoring"
author = "the authors of scoring"
language = "en"
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "reference_pages", "section_index"]

# the stored outputs of the notebooks; nothing is run
nb_execution_mode = "off"
# no script of another server
nb_ipywidgets_js = {}
myst_heading_anchors = 4
myst_enable_extensions = []
suppress_warnings = ["mystnb.unknown_mime_type"]

highlight_language = "text"  # a fence without a language contains commands and their output
default_role = "literal"
smartquotes = False  # `--option` in prose stays as it is
add_module_names = False
python_maximum_signature_line_length = 90
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: f"scoring.array_types.{name}" for name in scoring.array_types.__all__}
autodoc_default_options = {"members": True, "undoc-members": True, "exclude-members": "model_config"}
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "pydata_sphinx_theme"
html_title = "scoring"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = [("search.js", {"defer": "defer"})]
html_sidebars = {"docs/tutorial": [], "docs/concepts": [], "docs/questions": []}  # pages without pages below them
html_extra_path = ["_extra"]
html_copy_source = False
html_show_sphinx = False
html_favicon = "_static/icon.svg"
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "show_prev_next": False,
    "use_edit_page_button": False,
    "show_toc_level": 2,  # questions and words of the glossary
    "collapse_navigation": True,  # a page of the reference lists the classes of its package, not those of all packages
}

os.environ.setdefault("NUMBA_DISABLE_JIT", "1")  # nothing is compiled to read docstrings
