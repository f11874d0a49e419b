"""The page at `/`: a conversation with the documents, and the evidence beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from importlib.resources import as_file, files
from pathlib import Path

import gradio as gr
from fastapi import FastAPI

from citydip_rag.access import visitor_of
from citydip_rag.schema import Language
from citydip_rag.texts import catalogue
from citydip_rag.ui import documents as drawer
from citydip_rag.ui import rating, render
from citydip_rag.ui.asking import EngineSource, Kept, Shown, ask
from citydip_rag.ui.examples import Offers
from citydip_rag.ui.words import both, keys_of, localized

_QUESTIONS_AT_ONCE = 16
_QUESTIONS_IN_QUEUE = 256
_SECONDS_TO_CANCEL = 0.3
_ACCEPTED_UPLOAD_BYTES = 1  # files go to our own API, never to Gradio's
_FONT = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")
_HERE = files(__package__)
_STYLE = (
    *("base", "header", "conversation", "evidence", "composer", "drawer", "documents"),
    *("rating", "motion", "layout"),
)


def mount_page(app: FastAPI, source: EngineSource, generators: Sequence[str] = ()) -> FastAPI:
    """Mount the page at `/`, below every route the app already has.

    Nothing on it comes from another host: no fonts, no scripts, no analytics.
    """
    with as_file(_HERE / "favicon.svg") as favicon:
        mounted: FastAPI = gr.mount_gradio_app(
            app,
            build_page(source, generators),
            path="/",
            footer_links=[],
            run_history=False,
            show_error=False,
            max_file_size=_ACCEPTED_UPLOAD_BYTES,
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            mcp_server=False,
            favicon_path=str(Path(favicon)),
            theme=_theme(),
            head=_style(),  # `css` would rewrite the selectors
        )
    return mounted


def build_page(source: EngineSource, generators: Sequence[str] = ()) -> gr.Blocks:
    """The page's components and events, ready to be mounted.

    Args:
        source: answers.
        generators: names to choose from, the default first; fewer than two leave no choice.
    """
    title = catalogue(Language.ENGLISH)["ui.title"]
    page: gr.Blocks = gr.Blocks(title=title, analytics_enabled=False, fill_width=True)
    offers = Offers()

    def welcome() -> str:
        return render.welcome(offers.of(source.current))

    with page:
        gr.HTML(_header(), elem_id="header", apply_default_css=False, js_on_load=None)
        gr.HTML(
            drawer.panel(),
            elem_id="documents",
            apply_default_css=False,
            js_on_load=drawer.script(),
            **drawer.facts(),
        )
        gr.HTML(
            rating.panel(),
            elem_id="rating",
            apply_default_css=False,
            js_on_load=_file("rating.js"),
        )
        kept = gr.State(Kept())
        conversation = gr.HTML(
            welcome(),
            elem_id="conversation",
            apply_default_css=False,
            js_on_load=_file("script.js"),
            labels=_labels(),
        )
        with gr.Column(elem_id="composer"):
            hint = gr.HTML("", elem_id="hint", apply_default_css=False, js_on_load=None)
            generator = _choice(generators)
            with gr.Row(elem_id="ask"):
                box = gr.Textbox(
                    lines=1, max_lines=8, elem_id="question", show_label=False, container=False
                )
                send = gr.Button("", elem_id="send", variant="primary")
            below = gr.HTML(
                _below_box(),
                elem_id="below",
                apply_default_css=False,
                js_on_load=_file("below.js"),
            )

        async def ask_typed(
            question: str, held: Kept, by: str | None, request: gr.Request
        ) -> AsyncIterator[Shown]:
            async for shown in ask(source, question, held, by, _share_of(request)):
                yield shown

        async def ask_that(
            held: Kept, by: str | None, event: gr.EventData, request: gr.Request
        ) -> AsyncIterator[Shown]:
            async for shown in ask(source, str(event.question), held, by, _share_of(request)):
                yield shown

        outputs = [box, kept, conversation, hint]
        typed = gr.on(
            [box.submit, send.click],
            ask_typed,
            [box, kept, generator],
            outputs,
            trigger_mode="once",
            show_progress="hidden",
            api_visibility="private",
        )
        chosen = conversation.ask(
            ask_that,
            [kept, generator],
            outputs,
            trigger_mode="once",
            show_progress="hidden",
            api_visibility="private",
        )

        async def halt(held: Kept) -> tuple[Kept, str]:
            await asyncio.sleep(_SECONDS_TO_CANCEL)  # else a last drawing may come after this one
            left = held.settled(source)
            return left, render.conversation(left.turns)

        conversation.halt(
            halt,
            [kept],
            [kept, conversation],
            cancels=[typed, chosen],
            show_progress="hidden",
            api_visibility="private",
        )
        below.forget(
            lambda: (Kept(), welcome(), ""),
            None,
            [kept, conversation, hint],
            cancels=[typed, chosen],
            show_progress="hidden",
            api_visibility="private",
        )
        page.load(  # the documents may be others than when the page was built
            welcome,
            None,
            conversation,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
    page.queue(
        max_size=_QUESTIONS_IN_QUEUE,
        default_concurrency_limit=_QUESTIONS_AT_ONCE,
        api_open=False,
    )
    return page


def _share_of(request: gr.Request) -> AbstractContextManager[None]:
    """What a question takes of those its asker has; nothing where nobody counts."""
    visitor = visitor_of(request.request.scope) if request.request is not None else None
    return nullcontext() if visitor is None else visitor.asking()


def _choice(generators: Sequence[str]) -> gr.Radio:
    """Who is to answer; hidden where there is only one."""
    several = len(generators) > 1
    return gr.Radio(
        list(generators),  # the script puts their names in the reader's language
        value=generators[0] if several else None,
        visible=several,
        elem_id="generator",
        show_label=False,
        container=False,
    )


def _theme() -> gr.themes.Base:
    """System fonts, and the style sheet's background for the moment before it is there."""
    return gr.themes.Base(font=_FONT, font_mono=_MONO).set(
        body_background_fill="#f6f6f2", body_background_fill_dark="#121719"
    )


def _style() -> str:
    """All style sheets as one element; the layout comes last, for it overrules the rest."""
    return "<style>" + "\n".join(_file(f"style/{name}.css") for name in _STYLE) + "</style>"


def _header() -> str:
    switch = "".join(
        f'<button type="button" data-choose="{language}" lang="{language}" '
        f'aria-pressed="false">{localized(language, "ui.language_name")}</button>'
        for language in (Language.INDONESIAN, Language.ENGLISH)
    )
    return (
        f'<header class="bar"><div class="brand">{_file("favicon.svg")}'
        f"<div><h1>{both('ui.name')}</h1>"
        f'<p class="promise">{both("ui.promise")}</p></div></div>'
        f'<div class="tools">{drawer.opener()}<div class="switch" role="group">'
        f'<span class="quiet">{both("ui.language_switch")}</span>{switch}</div></div></header>'
        '<div id="announcer" class="quiet" aria-live="polite"></div>'
    )


def _below_box() -> str:
    return (
        f'<div class="below"><span class="keys">{both("ui.keys")}</span>'
        f'<button type="button" class="quiet-button evaluated">{both("ui.evaluation")}</button>'
        f'<button type="button" class="quiet-button clear">{both("ui.clear")}</button>'
        f'<form class="sign-out" method="post" action="logout" hidden><button class="quiet-button">'
        f"{both('sign_in.leave')}</button></form></div>"
        f'<dialog id="evaluation" aria-labelledby="evaluation-title"><header>'
        f'<h2 id="evaluation-title">{both("ui.evaluation_title")}</h2>'
        f'<button type="button" class="quiet-button leave">{both("ui.close")}</button></header>'
        f'<iframe title="{catalogue(Language.ENGLISH)["ui.evaluation"]}"></iframe></dialog>'
    )


def _labels() -> dict[str, dict[str, str]]:
    """The texts that only a script can set, by language and key."""
    return {
        language.value: {key.removeprefix("ui."): catalogue(language)[key] for key in keys_of("ui")}
        for language in Language
    }


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
