"""Signing in and out of the page: a key is shown once, and a cookie stands for it from then on.

It loads nothing and runs no script, so that nothing can be put into it that would read the key.
"""

from __future__ import annotations

import base64
import re
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Annotated, Final

from fastapi import APIRouter, FastAPI, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from citydip_rag.access import Access
from citydip_rag.errors import CitydipError
from citydip_rag.schema import Language
from citydip_rag.server.credentials import COOKIE, check_origin
from citydip_rag.server.entrance import SIGN_IN, SIGN_OUT, log_refusal
from citydip_rag.server.needs import OPEN
from citydip_rag.texts import catalogue, text

SIGNED_IN: Final = "citydip-signed-in"
"""A cookie that says nothing but that there is the other, for the page, which cannot read that."""
_SECONDS_AN_HOUR: Final = 3600
_UI: Final = files("citydip_rag.ui")
_STYLE: Final = (_UI / "style" / "sign-in.css").read_text(encoding="utf-8")
_ICON: Final = (_UI / "favicon.svg").read_text(encoding="utf-8")
_POLICY: Final = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none';"
    f" style-src 'sha256-{base64.b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)
_CURRENT: Final = ' aria-current="true"'
_SPEAKS_INDONESIAN: Final = re.compile(r"^\s*(id|in)\b", re.IGNORECASE)


router = APIRouter(include_in_schema=False, dependencies=[OPEN])


def add_sign_in(app: FastAPI) -> None:
    """Serve the page where a key is entered, and take keys and farewells."""
    app.include_router(router)


@router.get(SIGN_IN)
async def show(request: Request, language: Annotated[Language | None, Query()] = None) -> Response:
    """The page where a key is entered."""
    return _page(language or _language_of(request))


@router.post(SIGN_IN)
async def sign_in(
    request: Request,
    key: Annotated[str, Form()] = "",
    language: Annotated[Language | None, Form()] = None,
) -> Response:
    """Take a key; the cookie that stands for it leads to the page."""
    access: Access = request.app.state.access
    try:
        check_origin(request)
        address = request.client.host if request.client else ""
        token = await access.sign_in(key.strip(), address)
    except CitydipError as error:
        log_refusal(request, error)
        return _page(language or _language_of(request), error)
    response = RedirectResponse(_home(request), 303)
    seconds = int(access.settings.sign_in_hours * _SECONDS_AN_HOUR)
    _set_cookies(request, response, {COOKIE: token, SIGNED_IN: "1"}, seconds)
    return response


@router.post(SIGN_OUT)
async def sign_out(request: Request) -> Response:
    """Forget the cookie, here and in the browser."""
    access: Access = request.app.state.access
    check_origin(request)
    await access.sign_out(request.cookies.get(COOKIE, ""))
    response = RedirectResponse(_home(request), 303)
    _set_cookies(request, response, {COOKIE: "", SIGNED_IN: ""}, 0)
    return response


def _set_cookies(
    request: Request, response: Response, values: dict[str, str], seconds: int
) -> None:
    for name, value in values.items():
        response.set_cookie(
            name,
            value,
            max_age=seconds,
            path=_home(request),
            secure=request.url.scheme == "https",
            httponly=name == COOKIE,
            samesite="lax",
        )


def _home(request: Request) -> str:
    return f"{request.scope.get('root_path', '')}/"


def _language_of(request: Request) -> Language:
    speaks = _SPEAKS_INDONESIAN.match(request.headers.get("accept-language", ""))
    return Language.INDONESIAN if speaks else Language.ENGLISH


def _page(language: Language, error: CitydipError | None = None) -> Response:
    """The page, with what went wrong in words."""
    headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-store"}
    status = 200
    if error is not None:
        status = error.status
        headers.update(error.headers)
    return HTMLResponse(_html(language, _alarm(language, error)), status, headers)


def _alarm(language: Language, error: CitydipError | None) -> str:
    if error is None:
        return ""
    key = f"sign_in.{error.slug}"
    said = text(language, key if key in catalogue(language) else "sign_in.failed")
    return f'<p class="alarm" role="alert" id="alarm">{escape(said)}</p>'


def _html(language: Language, alarm: str) -> str:
    words = {
        name: escape(text(language, f"sign_in.{name}"))
        for name in ("title", "lead", "key", "enter")
    }
    icon = base64.b64encode(_ICON.encode()).decode()
    described = ' aria-invalid="true" aria-describedby="alarm"' if alarm else ""
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f"<title>{words['title']} · citydip</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:image/svg+xml;base64,{icon}"><style>{_STYLE}</style></head>'
        f'<body><main><div class="brand">{_ICON}<h1>{words["title"]}</h1></div>'
        f'<p>{words["lead"]}</p>{alarm}<form method="post" action="login">'
        f'<input type="hidden" name="language" value="{language}">'
        f'<label for="key">{words["key"]}</label><input id="key" name="key" type="password"'
        f' autocomplete="current-password" spellcheck="false" required autofocus{described}>'
        f"<button>{words['enter']}</button></form>"
        f'<nav class="languages">{_languages(language)}</nav></main></body></html>'
    )


def _languages(chosen: Language) -> str:
    return "".join(
        f'<a href="login?language={one}" lang="{one}" hreflang="{one}"'
        f"{_CURRENT if one is chosen else ''}>"
        f"{escape(text(one, 'ui.language_name'))}</a>"
        for one in Language
    )
