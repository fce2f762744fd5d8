"""Finding sessions in the console, and in them what happened to a phrase: conditions, pages, addresses to pass on."""

import re

import pytest
from playwright.async_api import expect

from tests.e2e.conftest import House, converse
from tests.e2e.test_console import OpenWindow, chromium, open_window
from tests.recordings import conversation

__all__ = ["chromium", "open_window"]  # fixtures

pytestmark = pytest.mark.browser


async def test_sessions_are_found_by_what_is_asked_for_and_the_address_says_it(
    house: House, open_window: OpenWindow
) -> None:
    await converse(house, conversation("dor_de_cabeca").tobytes(), protocol=2)
    await converse(house, b"", protocol=2)
    async with open_window() as window:
        page = window.page
        rows = page.locator(".sessions tbody tr")
        await page.goto(f"{house.url}/#/sessoes")
        await expect(rows).to_have_count(2)
        await page.get_by_label("com recomendação").check()
        await page.get_by_role("button", name="Filtrar").click()
        await expect(rows).to_have_count(1)
        assert page.url.endswith("#/sessoes?advised=true")
        await page.get_by_label("Situação").select_option("Aberta")
        await page.get_by_role("button", name="Filtrar").click()
        await expect(page.get_by_text("Nenhuma sessão com essas condições.")).to_be_visible()
        await page.goto(f"{house.url}/#/sessoes?ended=client_finished&from=2000-01-01&to=2000-01-02")
        await expect(page.get_by_text("Nenhuma sessão com essas condições.")).to_be_visible()
        await expect(page.get_by_label("De", exact=True)).to_have_value("2000-01-01")
        await page.get_by_role("link", name="Limpar").click()
        await expect(rows).to_have_count(2)
        assert window.problems == []


async def test_the_events_of_a_phrase_are_a_click_away_and_have_an_address(
    house: House, open_window: OpenWindow
) -> None:
    await converse(house, conversation("dor_de_cabeca", "tosse").tobytes(), protocol=2)
    async with open_window() as window:
        page = window.page
        await page.goto(f"{house.url}/#/sessoes")
        await page.locator(".sessions tbody a").click()
        entries = page.locator(".events li")
        await expect(entries.first).to_be_visible()
        everything = await entries.count()
        await page.get_by_role("link", name="Eventos da frase 2").click()
        await expect(page.get_by_label("Eventos da frase", exact=True)).to_have_value("2")
        await expect(page).to_have_url(re.compile(r"\?frase=2$"))
        assert 0 < await entries.count() < everything
        assert set(await page.locator(".events small").all_inner_texts()) == {"frase 2"}
        await page.get_by_label("Tipo de evento").fill("transcription")
        for name in await page.locator(".events code").all_inner_texts():
            assert "Transcription" in name
        await page.reload()
        await expect(page.get_by_label("Eventos da frase", exact=True)).to_have_value("2")
        await expect(page.locator(".facts")).to_contain_text("US$ 0,00")
        assert window.problems == []
