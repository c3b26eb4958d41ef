"""How Sphinx builds the documentation site: `scripts/docs`, or `sphinx-build -W docs OUT`.

Pages are Markdown (MyST); the reference comes from docstrings. Nothing is read from the network.
"""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))
sys.path.insert(0, str(HERE / "_extensions"))

from neurosym import __version__  # noqa: E402

project = "neurosym"
author = "The neurosym authors"
copyright = author
version = release = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "attribute_lists",
    "class_signatures",
    "command_help",
    "constants",
    "field_comments",
]
exclude_patterns = ["_build", "results"]
html_theme = "furo"
html_title = f"neurosym {version}"
html_show_copyright = False
html_show_sphinx = False
pygments_style = "default"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# `name` in a docstring links to what it names where that is documented, and is code elsewhere.
default_role = "py:obj"
napoleon_use_ivar = True
napoleon_use_rtype = False
napoleon_preprocess_types = False
napoleon_attr_annotations = False
autodoc_default_options = {"special-members": "__call__"}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
python_maximum_signature_line_length = 80
copybutton_exclude = ".linenos, .gp, .go"
