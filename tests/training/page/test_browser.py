"""The page in a real browser: its curves are drawn, its values shown under the cursor."""

import html
import json
import re
import shutil
import subprocess

import pytest
from recorded import run_folder

from rnnswap.training.page.html import page
from rnnswap.training.page.loading import load, load_all

BROWSER = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome", "chrome")
        if (found := shutil.which(name))
    ),
    None,
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium or chrome on this machine"),
]

# As root chromium has no sandbox; it shall ask the network for nothing.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=4000",
]

# Counts, plot by plot, how many pixels have the colour of each curve, moves the mouse over the
# first plot and tells what the legends say then.
LOOK = """
<script>
setTimeout(() => {
  const hex = (a) => "#" + [...a].slice(0, 3).map((v) => v.toString(16).padStart(2, "0")).join("");
  const plots = [...document.querySelectorAll("figure")].map((figure) => {
    const canvas = figure.querySelector("canvas");
    if (!canvas) return null;
    const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    const count = {};
    for (let n = 0; n < image.length; n += 4) {
      const colour = hex(image.slice(n, n + 3));
      if (image[n + 3] === 255) count[colour] = (count[colour] || 0) + 1;
    }
    return { width: canvas.clientWidth, count };
  });
  const over = document.querySelector(".u-over");
  const place = over.getBoundingClientRect();
  over.dispatchEvent(new MouseEvent("mousemove", {
    bubbles: true, clientX: place.left + place.width / 2, clientY: place.top + 20,
  }));
  setTimeout(() => {
    const legends = [...document.querySelectorAll(".u-legend")].map((l) => l.innerText);
    const wide = document.documentElement.scrollWidth;
    const told = document.createElement("pre");
    told.id = "told";
    told.textContent = JSON.stringify({ plots, legends, wide, window: innerWidth, errors });
    document.body.append(told);
  }, 100);
}, 100);
</script>
"""
ERRORS = "<script>const errors = []; onerror = (m) => { errors.push(String(m)); };</script>"


def seen(text, folder, width=1200):
    """Open the page and return what the browser tells of it."""
    file = folder / "looked-at.html"
    file.write_text(text.replace("<head>", f"<head>{ERRORS}") + LOOK, "utf-8")
    # Its profile belongs to the test.
    own = [f"--window-size={width},900", f"--user-data-dir={folder / 'profile'}", "--dump-dom"]
    command = [BROWSER, *FLAGS, *own]
    done = subprocess.run(
        [*command, file.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    (told,) = re.findall(r'<pre id="told">(.*?)</pre>', done.stdout, re.S)
    found = json.loads(html.unescape(told))
    assert found["errors"] == []
    return found


def test_curves_of_a_run_are_drawn_and_tell_their_values(tmp_path):
    found = seen(page([load(run_folder(tmp_path / "run"))]), tmp_path)
    # Loss, norm (before clipping in the second colour), shares, layers, time: lines, not specks.
    colours = ["#0969da", "#cf222e", "#0969da", "#0969da", "#0969da"]
    for plot, colour in zip(found["plots"], colours, strict=True):
        assert plot["count"].get(colour, 0) > 60, plot
        assert plot["width"] > 400
    step, loss = re.findall(r"[\d.]+", found["legends"][0])
    assert 14 <= int(step) <= 17
    assert float(loss) == pytest.approx(1 / int(step), rel=1e-4)


def test_runs_are_drawn_over_each_other_on_a_phone(tmp_path):
    folders = [run_folder(tmp_path / "one"), run_folder(tmp_path / "two", 50, loss=2.0)]
    found = seen(page(load_all([str(f) for f in folders])), tmp_path, width=500)
    for colour in ("#0969da", "#cf222e"):
        assert found["plots"][0]["count"].get(colour, 0) > 60
    # What is wider than the window scrolls by itself.
    assert found["wide"] <= found["window"] <= 500
    assert "one" in found["legends"][0]


def test_page_without_steps_draws_nothing_and_fails_at_nothing(tmp_path):
    found = seen(
        page([load(run_folder(tmp_path / "run", 0))]).replace(
            "</body>", '<div class="u-over"></div></body>'
        ),
        tmp_path,
    )
    assert found["plots"] == [None] * 4
