"""The pages of the documentation hang together; `make docs` checks that every name on them exists."""

import re
import sys
import zlib
from pathlib import Path

import pytest
from test_public_api import REFERENCE, names_in_reference, public_modules

ROOT = Path(__file__).parents[1]
DOC = ROOT / "doc"
PAGES = sorted(path.stem for path in DOC.glob("*.rst") if path.stem != "sg_execution_times")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")

docutils_core = pytest.importorskip("docutils.core")
sys.path.insert(0, str(DOC / "_ext"))  # for the imports below, which therefore come late (E402)

from inventories import SOURCES, write_inventories  # noqa: E402
from markdown_page import to_rst  # noqa: E402


def listed_on(page):
    """The entries of a page's toctrees."""
    text = (DOC / f"{page}.rst").read_text(encoding="utf-8")
    blocks = re.findall(r"^\.\. toctree::\n((?:(?:   .*)?\n)+)", text + "\n", re.MULTILINE)
    entries = [line.strip() for block in blocks for line in block.splitlines()]
    return [entry for entry in entries if entry and not entry.startswith(":")]


def pages_below(page):
    below = [entry for entry in listed_on(page) if "/" not in entry]
    return below + [deeper for entry in below for deeper in pages_below(entry)]


def markdown(name):
    return (ROOT / name).read_text(encoding="utf-8")


def as_tree(lines):
    """What reStructuredText makes of lines; any complaint of its parser is an error here."""
    source = "\n".join(["Title", "=====", "", *lines])
    settings = {"report_level": 2, "halt_level": 2, "input_encoding": "unicode"}
    return docutils_core.publish_doctree(source, settings_overrides=settings)


# -- pages -----------------------------------------------------------------------------------------


def test_every_page_is_in_one_list_of_pages():
    assert sorted(["index", *pages_below("index")]) == PAGES


def test_sections_are_those_of_the_navigation():
    assert listed_on("index") == ["guide", "auto_examples/index", "api", "development"]


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_inside_the_repository_lead_somewhere(name):
    targets = [target.partition("#")[0] for target in LINK.findall(markdown(name)) if "://" not in target]
    assert [target for target in targets if not (ROOT / target).exists()] == []
    assert targets or name != "README.md"


def test_first_page_shows_the_first_example_of_the_readme():
    # which is run by the tests of the README; the guide could drift from it
    page = (DOC / "index.rst").read_text(encoding="utf-8")
    options = dict(re.findall(r"^   :(start-after|end-before): (.*)$", page, re.MULTILINE))
    shown = markdown("README.md").partition(options["start-after"])[2].partition(options["end-before"])[0]
    assert "DBNClassifier(random_state=0)" in shown
    compile(shown, "README.md", "exec")


def test_every_module_of_the_reference_can_be_referred_to():
    declared = re.findall(r"^\.\. module:: (\S+)$", REFERENCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(declared) == public_modules() == sorted(names_in_reference())


# -- pages made of Markdown ------------------------------------------------------------------------


@pytest.mark.thread_unsafe(reason="warnings of docutils are ignored for the process")
def test_page_of_changes_has_every_version_section_and_entry_of_the_changelog():
    assert ".. markdown:: ../CHANGELOG.md" in (DOC / "whats_new.rst").read_text(encoding="utf-8")
    text = markdown("CHANGELOG.md")
    tree = as_tree(to_rst(text))
    versions = [section[0].astext() for section in tree if section.tagname == "section"]
    assert versions[-2:] == ["0.2.0", "0.1.0"]
    assert len(versions) == len(re.findall(r"^## ", text, re.MULTILINE))
    sections = [title.astext() for title in tree.findall(lambda node: node.tagname == "title")]
    assert sections.count("Changed models") == len(versions)
    entries = list(tree.findall(lambda node: node.tagname == "list_item"))
    assert len(entries) == len(re.findall(r"^- ", text, re.MULTILINE))
    assert "`" not in tree.astext()


def test_page_of_contributing_has_its_commands_as_code():
    tree = as_tree(to_rst(markdown("CONTRIBUTING.md")))
    [block] = tree.findall(lambda node: node.tagname == "literal_block")
    assert block.astext().startswith("make test ")
    assert "`" not in tree.astext()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# Changelog", []),
        ("## 0.2.0", ["0.2.0", "-----"]),
        ("### Added", ["Added", "~~~~~"]),
        ("## [Unreleased]: 1.0", ["1.0 (not released yet)", "----------------------"]),
        ("- `a_b`: **new**", ["- ``a_b``: **new**"]),
        ("[site](https://a.org/b)", ["`site <https://a.org/b>`__"]),
        ("[guide](doc/dbn.rst)", ["guide"]),
        ("`[x](y)`", ["``[x](y)``"]),
        ("Run:\n\n    make test", ["Run:", "", "::", "", "    make test"]),
    ],
)
def test_markdown_becomes(text, expected):
    assert to_rst(text) == expected


@pytest.mark.parametrize("line", ["| a | b |", "```python", "> quoted", "<br>"])
def test_markdown_that_is_not_understood_is_refused(line):
    with pytest.raises(ValueError, match="no reStructuredText is known for this line"):
        to_rst(f"Text\n\n{line}\n")


# -- links to other packages -----------------------------------------------------------------------


def test_inventories_say_where_names_of_scikit_learn_are_documented(tmp_path):
    write_inventories(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == set(SOURCES)
    *header, packed = (tmp_path / "sklearn.inv").read_bytes().split(b"\n", maxsplit=4)
    assert header[0] == b"# Sphinx inventory version 2"
    lines = zlib.decompress(packed).decode().splitlines()
    page = "modules/generated/sklearn.pipeline.Pipeline.html"
    assert f"sklearn.pipeline.Pipeline py:class 1 {page} -" in lines
    assert f"sklearn.pipeline.Pipeline.fit py:method 1 {page} -" in lines
    assert "metadata_routing std:label -1 metadata_routing.html -" in lines
