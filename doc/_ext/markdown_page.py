"""The directive ``markdown``: a page of the repository as a page here, so that nothing is written twice.

It knows the Markdown that these pages use: headings, lists, indented code, emphasis, code, links. A table
or a fenced block is an error, as showing it half understood would be worse.
"""

import re
from pathlib import Path

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList

UNKNOWN = re.compile(r"^\s*(\||```|~~~|<|>|\d+\) )")
HEADING = re.compile(r"^(#+) +(.*)$")
UNDERLINES = {2: "-", 3: "~", 4: "^"}


def to_rst(markdown):
    """Return lines of reStructuredText; the page's own title, its only heading of level 1, is left out."""
    lines, before = [], ""
    for line in markdown.splitlines():
        if UNKNOWN.match(line):
            raise ValueError(f"no reStructuredText is known for this line: {line!r}")
        heading = HEADING.match(line)
        if heading:
            lines += underlined(len(heading[1]), inline(heading[2]))
        elif is_code(line, before):
            lines += ["::", "", line]
        elif line.startswith("    ") and lines[-1].startswith("    "):
            lines.append(line)  # more code, or more of a list
        else:
            lines.append(inline(line))
        before = line or before
    return lines


def underlined(level, title):
    if level == 1:
        return []
    title = re.sub(r"^\[Unreleased\]: (.*)$", r"\1 (not released yet)", title)
    return [title, UNDERLINES[level] * len(title)]


def is_code(line, before):
    """Whether an indented block begins here that is not the rest of a list's entry."""
    return line.startswith("    ") and not re.match(r"  |- |\d+\. ", before)


def inline(line):
    """Return a line with code and links as reStructuredText has them."""
    pieces = re.split(r"(`[^`]+`)", line)
    pieces[1::2] = [f"`{code}`" for code in pieces[1::2]]
    pieces[::2] = [re.sub(r"\[([^\]]+)\]\(([^)]+)\)", link, text) for text in pieces[::2]]
    return "".join(pieces)


def link(found):
    text, target = found.groups()
    return f"`{text} <{target}>`__" if "://" in target else text


class MarkdownPage(Directive):
    """Put the text of a Markdown file, named relative to this page, in place."""

    required_arguments = 1

    def run(self):
        env = self.state.document.settings.env
        relative, path = env.relfn2path(self.arguments[0])
        env.note_dependency(relative)
        try:
            lines = to_rst(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise self.error(f"{relative}: {error}") from error
        section = nodes.section()
        section.document = self.state.document
        self.state.nested_parse(StringList(lines, source=path), 0, section, match_titles=True)
        return section.children


def setup(app):
    app.add_directive("markdown", MarkdownPage)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
