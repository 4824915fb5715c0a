"""Benchmarks that asv finds, and a table that names each of them once."""

import ast
import importlib
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
BENCHMARKS = sorted(path.name for path in FOLDER.glob("bench_*.py"))
STUDIES = sorted(path.name for path in (FOLDER / "studies").glob("*.py"))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_asv_finds_something_to_measure(name):
    tree = ast.parse((FOLDER / name).read_text())
    methods = [
        method.name
        for kind in tree.body
        if isinstance(kind, ast.ClassDef)
        for method in kind.body
        if isinstance(method, ast.FunctionDef)
    ]
    assert any(re.match("(time|peakmem|track)_", method) for method in methods)


def test_the_readme_names_each_file_once_and_no_other():
    text = (FOLDER / "README.md").read_text()
    rows = re.findall(r"^\| `(\w+\.py)` \|", text, flags=re.M)
    assert sorted(rows) == sorted(BENCHMARKS + STUDIES)


def test_the_tables_of_the_readme_are_whole():
    """Each row has as many cells as the header of its table, which a blank line ends."""
    tables = re.findall(r"(?:^\|.*\n)+", (FOLDER / "README.md").read_text(), flags=re.M)
    for table in tables:
        header, rule, *rows = table.splitlines()
        assert re.fullmatch(r"\|(---\|)+", rule), header
        n_cells = rule.count("|")
        assert [row for row in (header, *rows) if row.count("|") != n_cells] == []


def test_files_that_texts_name_exist():
    for path in (FOLDER / "README.md", FOLDER.parent / "README.md"):
        named = set(re.findall(r"(?:bench_|studies/)\w+\.py", path.read_text()))
        assert [name for name in named if not (FOLDER / name).exists()] == []


@pytest.mark.parametrize(
    "name, most",
    [("MLPClassifier", 16), ("RealMLPClassifier", 22), ("Autoencoder", 18), ("TabularGAN", 20)],
)
def test_the_way_to_the_first_step_leads_through_few_files(monkeypatch, name, most):
    monkeypatch.syspath_prepend(FOLDER)
    bench_road = importlib.import_module("bench_road")
    _, before_step = bench_road.files_entered(name)
    assert "engine/training.py" in before_step
    assert len(before_step) <= most, before_step
