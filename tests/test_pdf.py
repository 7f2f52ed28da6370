"""Case pages as PDF: each language alone, whole, and refused in words where it cannot be."""

import shutil
import subprocess
import sys

import pytest

from tradecredit.errors import Mistake
from tradecredit.serving.pdf import print_pages

pypdf = pytest.importorskip("pypdf")


@pytest.fixture(scope="module")
def printer():
    """WeasyPrint, with Pango of the system."""
    pytest.importorskip("weasyprint", reason="needs Pango of the system", exc_type=OSError)


@pytest.fixture(scope="module")
def chinese():
    """A font of the system that has Chinese letters."""
    if not shutil.which("fc-list") or not subprocess.run(["fc-list", ":lang=zh"], capture_output=True).stdout:
        pytest.skip("no font with Chinese letters is installed (apt-get install fonts-noto-cjk)")


def _text(file):
    return "".join(page.extract_text() for page in pypdf.PdfReader(file).pages)


@pytest.mark.parametrize(
    ("language", "said", "unsaid"),
    [("en", "Why this score", "评分依据"), ("zh", "评分依据", "Why this score")],
)
@pytest.mark.usefixtures("printer")
def test_a_page_is_printed_in_one_language(request, walked, tmp_path, language, said, unsaid):
    if language == "zh":
        request.getfixturevalue("chinese")
    page = next(
        one for one in sorted((walked / "artifacts/cases").glob("case-*.html")) if said in one.read_text("utf-8")
    )
    (file,) = print_pages(page, tmp_path, language=language)
    assert file == tmp_path / f"{page.stem}-{language}.pdf"
    text = _text(file)
    assert said in text
    assert unsaid not in text
    assert list(tmp_path.iterdir()) == [file], "nothing half written stays"


@pytest.mark.usefixtures("printer", "chinese")
def test_chinese_is_refused_where_no_font_has_its_letters(walked, tmp_path, monkeypatch):
    (tmp_path / "fonts.conf").write_text("<fontconfig><cachedir>cache</cachedir></fontconfig>")
    monkeypatch.setenv("FONTCONFIG_FILE", str(tmp_path / "fonts.conf"))
    with pytest.raises(Mistake, match="no font here has Chinese letters"):
        print_pages(walked / "artifacts/cases", tmp_path / "out", language="zh")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("printer", "chinese")
def test_a_folder_is_printed_page_by_page(walked, tmp_path):
    few = tmp_path / "few"
    few.mkdir()
    for page in sorted((walked / "artifacts/cases").glob("case-*.html"))[:2]:
        (few / page.name).write_bytes(page.read_bytes())
    done = subprocess.run(
        [sys.executable, "-m", "tradecredit.cli", "pdf", str(few), "--out", str(tmp_path / "out"), "--language", "zh"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 files" in done.stdout
    assert len(list((tmp_path / "out").glob("case-*-zh.pdf"))) == 2


@pytest.mark.parametrize(
    ("source", "language", "told"),
    [("nowhere.html", "en", "is no page"), (".", "en", "is no page"), (".", "de", "en or zh")],
)
def test_what_cannot_be_printed_is_told(tmp_path, source, language, told):
    with pytest.raises(Mistake, match=told):
        print_pages(tmp_path / source, tmp_path / "out", language=language)
    assert not (tmp_path / "out").exists()
