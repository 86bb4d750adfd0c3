"""An administrator with only the README: adds a user, calls, finds, hears, marks, notes, keeps a recording.

On the demo's own parts, in a real Chromium, on a desk and on a phone. Clicks and keys are counted, and stand
in `docs/guide/first-hour.md`; ``python -m tests.asterisk.test_journey`` writes them there from the last run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from playwright.async_api import Browser, Page, expect

from lab import Lab, softphone, tones
from lab.recorder import ADMINISTRATOR, LabRecorder
from tests.asterisk.counted import Person, table
from tests.asterisk.station import Station, until
from tests.asterisk.test_softphone import SAID_HZ, chromium  # noqa: F401 - a fixture
from tests.web.test_browser import listened

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(300)]

PROJECT = Path(__file__).parents[2]
GUIDE = PROJECT / "docs/guide/first-hour.md"
COUNTED = PROJECT / ".lab/first-hour.md"
COUNTED_PART = re.compile(r"(<!-- counted:.*?-->\n\n).*?(\n<!-- end of what is counted -->)", re.S)
WITHIN_MS = 30_000
TALK_S = 6.0
CLICKS_MAX = 3
"""From the first page to where an administrative deed is done."""
HEARD = """([left, right]) => new Promise((resolve, reject) => {
    const audio = document.querySelector('#player audio');
    const until = performance.now() + 20000;
    const ears = () => {
        const context = new AudioContext();
        const splitter = context.createChannelSplitter(2);
        context.createMediaStreamSource(audio.captureStream()).connect(splitter);
        return [left, right].map((hertz, channel) => {
            const analyser = new AnalyserNode(context, {fftSize: 8192});
            splitter.connect(analyser, channel);
            const bins = new Float32Array(analyser.frequencyBinCount);
            return () => {
                analyser.getFloatFrequencyData(bins);
                const loudest = bins.indexOf(Math.max(...bins)) * context.sampleRate / analyser.fftSize;
                return [Math.abs(loudest - hertz) < 12, loudest];
            };
        });
    };
    let heard = null;
    const look = () => {
        if (!heard && audio.currentTime > 0) heard = ears();
        const both = heard ? heard.map((ear) => ear()) : [];
        if (heard && both.every(([right]) => right)) resolve();
        else if (performance.now() > until) reject(new Error(`heard: ${both}`));
        else setTimeout(look, 20);
    };
    look();
})"""


@pytest.fixture(autouse=True)
def patience() -> Iterator[None]:
    """Two Asterisks, the recorder and a browser share the machine."""
    expect.set_options(timeout=WITHIN_MS)
    yield
    expect.set_options(timeout=5_000)


@pytest.fixture
async def phone_address(lab: Lab, station: Station) -> AsyncIterator[str]:
    async with softphone.serving(lab, station.recorder.url, station.store) as url:
        yield url


@pytest.mark.parametrize("width", [1280, 390])
async def test_the_first_hour(
    lab: Lab,
    station: Station,
    chromium: Browser,  # noqa: F811
    phone_address: str,
    tmp_path: Path,
    width: int,
) -> None:
    context = await chromium.new_context(
        permissions=["microphone"], locale="en-GB", viewport={"width": width, "height": 844}
    )
    context.set_default_timeout(WITHIN_MS)
    page, complaints = await listened(context)
    person = Person(page)
    await lab.phones["106"].auto_answer(0.5)
    await _sign_in(person, station.recorder)
    await _add_a_user(person, station)
    await _call(person, phone_address)
    await _find(person, station.recorder)
    await _hear(person)
    await _mark_and_note(person)
    kept = await _download(person, tmp_path)
    _check(kept, station)
    row = await station.only()
    assert (row.user_name, row.user_number, row.counterpart_number) == ("Maja Ek", "107", "106")
    assert (row.mark, row.note) == ("green", "Wants two tickets")
    assert complaints == []
    await context.close()
    counted = table(person.deeds)
    print(counted)
    if width == 1280:
        COUNTED.parent.mkdir(exist_ok=True)
        COUNTED.write_text(counted, encoding="utf-8")
        assert counted in GUIDE.read_text(encoding="utf-8"), (
            f"python -m {__spec__.name} writes what it is now"
        )


async def _sign_in(person: Person, recorder: LabRecorder) -> None:
    page = person.page
    await page.goto(recorder.url)
    person.begins("Sign in as administrator")
    login, password = ADMINISTRATOR
    await person.type(page.get_by_label("Login"), login)
    await person.type(page.get_by_label("Password"), password)
    await person.press("Enter")
    await expect(page.get_by_role("heading", name="Recordings", exact=True)).to_be_visible()
    await expect(page.get_by_text("No recordings yet")).to_be_visible()
    await fits(page)


async def _add_a_user(person: Person, station: Station) -> None:
    page, followed = person.page, station.recorder.log.read_text().count("following endpoints")
    person.begins("Find where a user is added")
    await _go(person, "Administration", "Users", "Add a user")
    assert person.deed.clicks <= CLICKS_MAX
    person.begins("Name, number, telephone")
    await person.type(page.get_by_label(re.compile("^Name")), "Maja Ek")
    await person.type(page.get_by_label(re.compile("^Number")), "107")
    await person.type(page.get_by_label(re.compile("^Telephones")), "PJSIP/107")
    person.begins("Mode, and what the user was told")
    await person.click(page.get_by_role("radio", name=re.compile("^Always Every call")))
    await person.click(page.get_by_role("checkbox", name=re.compile("^The user knows")))
    await fits(page)
    await person.click(page.get_by_role("button", name="Add the user"))
    await expect(page.get_by_role("status")).to_contain_text("Maja Ek was added, and is recorded")
    await fits(page)
    await until(lambda: station.recorder.log.read_text().count("following endpoints") > followed)


async def _go(person: Person, *links: str) -> None:
    for link in links:
        await person.click(person.page.get_by_role("link", name=link, exact=True).first)
        await person.page.wait_for_load_state()
        await fits(person.page)


async def _call(person: Person, address: str) -> None:
    """With the address that the demo has printed."""
    page = person.page
    await page.goto(f"{address}?as=107")
    await expect(page.locator("#registered")).to_contain_text("Registered: calls to 107 ring here")
    await expect(page.get_by_label("Phone of")).to_contain_text("107 Maja Ek: always recorded")
    await fits(page)
    person.begins("Call with the softphone")
    await person.click(page.get_by_role("button", name="Call 106"))
    await expect(page.locator("#call-state")).to_contain_text("In a call with 106")
    await asyncio.sleep(TALK_S)  # the call itself
    person.deed.listened_s = TALK_S
    await person.click(page.get_by_role("button", name="Hang up"))
    await expect(page.locator("#afterwards")).to_contain_text("Your recording is being made")


async def _find(person: Person, recorder: LabRecorder) -> None:
    page = person.page
    person.begins("Find it")
    await person.click(page.locator("#afterwards").get_by_role("link", name="My Pages"))
    await page.wait_for_url(f"{recorder.url}/")
    row = page.locator("tr[data-id]").filter(has_text="Maja Ek")
    await expect(row).to_have_count(1)
    await expect(row).not_to_have_attribute(
        "data-state", re.compile(".")
    )  # the page shows it when it is ready
    await fits(page)
    await person.click(row.locator(".when a"))
    await expect(page.locator(".player")).to_be_visible()


async def _hear(person: Person) -> None:
    page = person.page
    await expect(page.locator(".player")).to_have_class(re.compile("drawn"))
    await fits(page)
    person.begins("Hear it")
    await person.click(page.get_by_role("button", name="Play", exact=True))
    await page.evaluate(HEARD, [SAID_HZ, tones.frequency_hz("106")])
    person.deed.listened_s = TALK_S


async def _mark_and_note(person: Person) -> None:
    page = person.page
    person.begins("Mark it")
    await person.click(page.locator(".mark-chip").filter(has_text="Green"))
    await expect(page.get_by_text("Saved")).to_be_visible()
    person.begins("Note")
    await person.click(page.locator("summary").filter(has_text="Write a note"))
    await person.type(page.get_by_label("Note", exact=True), "Wants two tickets")
    await person.click(page.get_by_role("button", name="Save"))
    await expect(page.locator(".note-full")).to_have_text("Wants two tickets")
    await fits(page)


async def _download(person: Person, folder: Path) -> Path:
    page = person.page
    person.begins("Keep a copy")
    await person.click(page.get_by_text("Download", exact=True))
    async with page.expect_download() as download:
        await person.click(page.get_by_role("link", name=re.compile("^WAV")))
    kept = await download.value
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_107_106_out\.wav", kept.suggested_filename)
    await kept.save_as(folder / "kept.wav")
    return folder / "kept.wav"


def _check(kept: Path, station: Station) -> None:
    """Each party's tone is on its own side, and not on the other."""
    samples, rate_hz = sf.read(kept, dtype="float32", always_2d=True)
    left, right = np.ascontiguousarray(samples[:, 0]), np.ascontiguousarray(samples[:, 1])
    answered_hz = tones.frequency_hz("106")
    assert tones.tone_s(left, rate_hz, SAID_HZ) > TALK_S - 2
    assert tones.tone_s(right, rate_hz, answered_hz) > TALK_S - 2
    assert tones.tone_dbfs(right, rate_hz, SAID_HZ) < -45
    assert tones.tone_dbfs(left, rate_hz, answered_hz) < -45


WIDER = """[...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 0.5)
    .map(one => one.outerHTML.slice(0, 120))"""


async def fits(page: Page) -> None:
    """Nothing is wider than the window."""
    fit = await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert fit, (page.url, await page.evaluate(WIDER))


def main() -> None:
    """Put what was counted last into the guide."""
    counted = COUNTED.read_text(encoding="utf-8")
    text = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(COUNTED_PART.sub(lambda found: found[1] + counted + found[2], text), encoding="utf-8")


if __name__ == "__main__":
    main()
