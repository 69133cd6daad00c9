"""How the documentation is built: ``make docs``, or ``make docs-fast`` without running the gallery.

A built page fetches nothing from elsewhere: MathJax and what the theme needs are part of the site.
The build asks the sites of other packages for their lists of names, and does without if it gets none
(see ``_ext/inventories.py``).
"""

import shutil
import sys
from importlib.metadata import distribution
from pathlib import Path

from sphinx.ext.autosummary.generate import find_autosummary_in_files

HERE = Path(__file__).parent
BUILD = HERE / "_build"
sys.path.insert(0, str(HERE / "_ext"))  # for the imports below, which therefore come late (E402)

from inventories import SOURCES, write_inventories  # noqa: E402

import skdbn  # noqa: E402

# -- project -----------------------------------------------------------------------------------------

project = "skdbn"
author = "The skdbn developers"
copyright = author
version = release = skdbn.__version__

extensions = [
    "edge_case_tables",
    "markdown_page",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.extlinks",
    "sphinx.ext.intersphinx",
    "sphinx.ext.mathjax",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
# Tables of running times would be the only pages that load a script from elsewhere.
exclude_patterns = ["_build", "_ext", "_templates", "**sg_execution_times.rst"]
templates_path = ["_templates"]
default_role = "code"  # in docstrings `name` is a parameter, a method or a value
nitpicky = True
smartquotes = False  # "auto" is a value, to be typed as it stands
extlinks = {"doi": ("https://doi.org/%s", "doi:%s")}

# -- reference ---------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's types say more: shapes, ranges, defaults
numpydoc_show_class_members = False  # the template of a class lists them
toc_object_entries_show_parents = "hide"

# -- links to other packages -------------------------------------------------------------------------

write_inventories(BUILD / "inventories")
SITES = {
    "python": "https://docs.python.org/3",
    "numpy": "https://numpy.org/doc/stable",
    "scipy": "https://docs.scipy.org/doc/scipy",
    "matplotlib": "https://matplotlib.org/stable",
    "pandas": "https://pandas.pydata.org/docs",
    "sklearn": "https://scikit-learn.org/stable",
}
intersphinx_mapping = {
    name: (SITES[name], (None, str(BUILD / "inventories" / f"{name}.inv"))) for name in SOURCES
}
intersphinx_timeout = 5

# -- gallery -----------------------------------------------------------------------------------------

# Examples run where they lie. A copy keeps the pictures and files that they write out of the tree.
EXAMPLES = BUILD / "examples"
shutil.rmtree(EXAMPLES, ignore_errors=True)
shutil.copytree(HERE.parent / "examples", EXAMPLES, ignore=shutil.ignore_patterns("*.png", "__pycache__"))

gallery = "auto_examples"
sphinx_gallery_conf = {
    "examples_dirs": str(EXAMPLES),
    "gallery_dirs": gallery,
    "filename_pattern": r"/(plot_|digits_demo)",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("skdbn",),
    "within_subsection_order": "ExampleTitleSortKey",
    "download_all_examples": False,
    "min_reported_time": 1,
    "plot_gallery": not tags.has("fast"),  # noqa: F821  Sphinx defines it, for its option -t
}

# -- pages of an earlier build -----------------------------------------------------------------------


def forget_pages(folder, but):
    """Remove generated pages of what is no longer there; they would be in no list of pages."""
    for page in (HERE / folder).glob("*.rst"):
        if page.stem not in but:
            page.unlink()


forget_pages(gallery, {"index", *(example.stem for example in EXAMPLES.glob("*.py"))})
forget_pages("generated", {entry.name for entry in find_autosummary_in_files([str(HERE / "api.rst")])})

# -- formulas ----------------------------------------------------------------------------------------

# One file, which draws letters itself and so loads no fonts.
MATHJAX = BUILD / "mathjax"
MATHJAX.mkdir(parents=True, exist_ok=True)
mathjax_path = "tex-svg-full.js"
offline = distribution("sphinx-mathjax-offline")
shutil.copy(offline.locate_file(f"sphinx-mathjax-offline/static/mathjax/{mathjax_path}"), MATHJAX)

# -- pages -------------------------------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skdbn"
html_static_path = ["_static", str(MATHJAX)]
html_css_files = ["skdbn.css"]
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "skdbn"},
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
}
html_sidebars = {"index": []}
