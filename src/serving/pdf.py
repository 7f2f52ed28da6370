"""Pages as PDF, one language each, for a file or a meeting."""

import logging
import os
import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from ..errors import Mistake
from ..features.workers import THREADS

LANGUAGES = {"en": "zh", "zh": "en"}  # what is shown, and what is hidden


def print_pages(
    source: Path, out: Path, *, language: str, progress: Callable[[int, int], None] = lambda *_: None
) -> list[Path]:
    """Write the PDF of a page, or of every page of a folder, into a folder, and return the files.

    Raises
    ------
    Mistake
        If there is no page, the language is another, or the printer (WeasyPrint, and Pango of the system) or the
        letters of the language are missing.
    """
    if language not in LANGUAGES:
        raise Mistake(f"--language should be en or zh, got {language!r}.")
    pages = sorted(source.glob("*.html")) if source.is_dir() else [source]
    if not pages or not all(page.is_file() and page.suffix == ".html" for page in pages):
        raise Mistake(f"{source}: is no page, nor a folder of pages such as artifacts/cases; run 'dvc repro'.")
    _printer()
    _refuse_without_letters(language)
    out.mkdir(parents=True, exist_ok=True)
    write, files = partial(_print, out, language), []
    with ProcessPoolExecutor(min(THREADS, len(pages))) as pool:
        for done, file in enumerate(pool.map(write, pages), start=1):
            files.append(file)
            progress(done, len(pages))
    return files


def pdf(html: str, language: str) -> bytes:
    """A page that `pages.filled` made, as PDF in one language."""
    html_of, css_of = _printer()
    shown = f".{language} {{ display: inline !important }} .{LANGUAGES[language]} {{ display: none !important }}"
    written: bytes = html_of(string=html, url_fetcher=_nothing_from_outside).write_pdf(
        stylesheets=[css_of(string=shown)]
    )
    return written


def _refuse_without_letters(language: str) -> None:
    """A printer without Chinese letters prints boxes and says nothing."""
    asked = shutil.which("fc-list")  # it comes with Pango
    if language == "zh" and asked and not subprocess.run([asked, ":lang=zh"], capture_output=True).stdout:
        raise Mistake("--language zh: no font here has Chinese letters (on Debian: apt install fonts-noto-cjk).")


def _nothing_from_outside(url: str, *_: object, **__: object) -> NoReturn:
    raise ValueError(f"{url}: a page is whole in itself")


def _print(out: Path, language: str, page: Path) -> Path:
    file, aside = out / f"{page.stem}-{language}.pdf", out / f".{page.stem}-{language}.{os.getpid()}"
    aside.write_bytes(pdf(page.read_text(encoding="utf-8"), language))
    os.replace(aside, file)
    return file


def _printer() -> tuple[Any, Any]:
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # it tells of every rule that is for screens alone
    logging.getLogger("fontTools").setLevel(logging.CRITICAL)
    try:
        from weasyprint import CSS, HTML
    except ImportError:
        raise Mistake("PDF needs a printer: pip install 'tradecredit[pdf]'.") from None
    except OSError as fault:
        raise Mistake(f"PDF needs Pango (on Debian: apt install libpango-1.0-0 libpangoft2-1.0-0): {fault}.") from None
    return HTML, CSS
